"""Lists of a project and who is on each (PRODUCT L1).

Called by admin. Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, insert, select

from store import list_ratings
from store.projects import TakenError
from store.schema import clients, lists, memberships


@dataclass(frozen=True, slots=True)
class ClientList:
    id: int
    name: str


def create(tx: Connection, project: int, name: str, now: datetime) -> ClientList:
    if find(tx, project, name) is not None:
        raise TakenError(f"a list named {name!r} is in this project already")
    values = {"project_id": project, "name": name, "created_at": now}
    return ClientList(tx.execute(insert(lists).values(values).returning(lists.c.id)).scalar_one(), name)


def find(tx: Connection, project: int, name: str) -> ClientList | None:
    wanted = select(lists.c.id, lists.c.name).where(lists.c.project_id == project, lists.c.name == name)
    row = tx.execute(wanted).one_or_none()
    return None if row is None else ClientList(row.id, row.name)


def get(tx: Connection, project: int, list_id: int) -> ClientList | None:
    wanted = select(lists.c.id, lists.c.name).where(lists.c.project_id == project, lists.c.id == list_id)
    row = tx.execute(wanted).one_or_none()
    return None if row is None else ClientList(row.id, row.name)


def page(tx: Connection, project: int, after: int, limit: int) -> list[ClientList]:
    mine = select(lists.c.id, lists.c.name).where(lists.c.project_id == project, lists.c.id > after)
    return [ClientList(row.id, row.name) for row in tx.execute(mine.order_by(lists.c.id).limit(limit))]


def add(tx: Connection, list_id: int, client_ids: Collection[int]) -> None:
    """Put these clients on the list; who is on it stays so."""
    already = exists().where(memberships.c.list_id == list_id, memberships.c.client_id == clients.c.id)
    wanted = select(clients.c.id).where(clients.c.id.in_(client_ids), ~already).order_by(clients.c.id)
    newcomers = (
        tx.execute(wanted.with_for_update(read=True, of=clients)).scalars().all()
    )  # their ratings stay as they are
    if newcomers:
        tx.execute(insert(memberships), [{"list_id": list_id, "client_id": client} for client in newcomers])
        list_ratings.joined(tx, list_id, newcomers)
