"""API keys: one project's, or the operator's for all (PRODUCT P1). Only their keyed hashes are kept.

Called by admin. The caller hashes with `Vault.hash_generated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from store.schema import api_keys

MOST: Final = 50  # of one project


@dataclass(frozen=True, slots=True)
class Key:
    """`project` None: the operator's, good for all."""

    id: int
    project: int | None
    name: str


def create(tx: Connection, project: int | None, name: str, key_hash: bytes, now: datetime) -> int:
    values = {"project_id": project, "name": name, "key_hash": key_hash, "created_at": now}
    return int(tx.execute(insert(api_keys).values(values).returning(api_keys.c.id)).scalar_one())


@dataclass(frozen=True, slots=True)
class Listed:
    id: int
    name: str
    created_at: datetime


def of_project(tx: Connection, project: int) -> list[Listed]:
    """Oldest first; at most MOST."""
    wanted = select(api_keys.c.id, api_keys.c.name, api_keys.c.created_at).where(api_keys.c.project_id == project)
    return [Listed(*row) for row in tx.execute(wanted.order_by(api_keys.c.id).limit(MOST))]


def revoke(tx: Connection, project: int, key: int) -> bool:
    """False where the project has none of this id."""
    return tx.execute(delete(api_keys).where(api_keys.c.project_id == project, api_keys.c.id == key)).rowcount == 1


def find(tx: Connection, key_hash: bytes) -> Key | None:
    row = tx.execute(
        select(api_keys.c.id, api_keys.c.project_id, api_keys.c.name).where(api_keys.c.key_hash == key_hash)
    ).one_or_none()
    return None if row is None else Key(row.id, row.project_id, row.name)
