"""Senders: the From identities of a project (PRODUCT C1). `authorised_at` None: listed, and sends nothing.

Called by admin and, read only, by mta. Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from store.projects import TakenError
from store.schema import senders


@dataclass(frozen=True, slots=True)
class Sender:
    id: int
    project: int
    address: str
    display_name: str
    authorised: bool


def create(
    tx: Connection,
    project: int,
    address: str,
    address_key: str,
    display_name: str,
    authorised_at: datetime | None,
    now: datetime,
) -> Sender:
    if find(tx, project, address_key) is not None:
        raise TakenError(f"sender {address} is in this project already")
    values = {
        "project_id": project,
        "address": address,
        "address_key": address_key,
        "display_name": display_name,
        "authorised_at": authorised_at,
        "created_at": now,
    }
    made = tx.execute(insert(senders).values(values).returning(senders.c.id)).scalar_one()
    return Sender(made, project, address, display_name, authorised_at is not None)


def authorise(tx: Connection, sender: int, now: datetime) -> None:
    tx.execute(update(senders).where(senders.c.id == sender).values(authorised_at=now))


def find(tx: Connection, project: int, address_key: str) -> Sender | None:
    wanted = select(senders).where(senders.c.project_id == project, senders.c.address_key == address_key)
    row = tx.execute(wanted).one_or_none()
    return None if row is None else _sender(row)


def get(tx: Connection, project: int, sender: int) -> Sender | None:
    wanted = select(senders).where(senders.c.project_id == project, senders.c.id == sender)
    row = tx.execute(wanted).one_or_none()
    return None if row is None else _sender(row)


def page(tx: Connection, project: int, after: int, limit: int) -> list[Sender]:
    mine = select(senders).where(senders.c.project_id == project, senders.c.id > after)
    return [_sender(row) for row in tx.execute(mine.order_by(senders.c.id).limit(limit))]


def _sender(row: Row[Any]) -> Sender:
    return Sender(row.id, row.project_id, row.address, row.display_name, row.authorised_at is not None)
