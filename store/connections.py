"""SMTP connections: credentials bound to one sender (PRODUCT S2). Only the keyed hash of a secret is kept.

Called by admin to make them and by mta/submission to sign in. Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, insert, select

from store.projects import TakenError
from store.schema import connections, senders

ACTIVE: Final = "active"
SUBMISSION: Final = "submission"  # what people send
TRANSACTIONAL: Final = "transactional"  # what somebody waits for: a code, a receipt; goes first, gives up sooner
MODERATED: Final = "moderated"  # asked for, not yet decided: nothing is sent

_COLUMNS: Final = select(connections, senders.c.address, senders.c.display_name).join_from(connections, senders)


@dataclass(frozen=True, slots=True)
class Connection:
    """`sender_address` and `display_name` are those of its one sender; `retry` is the class of its mail."""

    id: int
    project: int
    sender: int
    sender_address: str
    display_name: str
    name: str
    login: str
    secret_hash: bytes
    state: str
    retry: str

    @property
    def active(self) -> bool:
        return self.state == ACTIVE


def create(
    tx: Transaction,
    project: int,
    sender: int,
    name: str,
    login: str,
    secret_hash: bytes,
    state: str,
    now: datetime,
    retry: str = SUBMISSION,
) -> Connection:
    if find(tx, login) is not None:
        raise TakenError(f"login {login} is taken")
    values = {
        "project_id": project,
        "sender_id": sender,
        "name": name,
        "login": login,
        "secret_hash": secret_hash,
        "state": state,
        "class": retry,
        "created_at": now,
    }
    made = tx.execute(insert(connections).values(values).returning(connections.c.id)).scalar_one()
    return _connection(tx.execute(_COLUMNS.where(connections.c.id == made)).one())


def find(tx: Transaction, login: str) -> Connection | None:
    """By login, of whatever project: for signing in."""
    row = tx.execute(_COLUMNS.where(connections.c.login == login)).one_or_none()
    return None if row is None else _connection(row)


def find_named(tx: Transaction, name: str) -> Connection | None:
    """The oldest of that name, for `[submission] trusted`."""
    row = tx.execute(_COLUMNS.where(connections.c.name == name).order_by(connections.c.id).limit(1)).one_or_none()
    return None if row is None else _connection(row)


def page(tx: Transaction, project: int, after: int, limit: int) -> list[Connection]:
    mine = _COLUMNS.where(connections.c.project_id == project, connections.c.id > after)
    return [_connection(row) for row in tx.execute(mine.order_by(connections.c.id).limit(limit))]


def _connection(row: Row[Any]) -> Connection:
    return Connection(
        id=row.id,
        project=row.project_id,
        sender=row.sender_id,
        sender_address=row.address,
        display_name=row.display_name,
        name=row.name,
        login=row.login,
        secret_hash=row.secret_hash,
        state=row.state,
        retry=row._mapping[connections.c["class"]],
    )
