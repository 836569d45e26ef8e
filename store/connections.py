"""SMTP connections: credentials bound to one sender (PRODUCT S2). Only the keyed hash of a secret is kept.

Called by admin to make them and by mta/submission to sign in. Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, insert, select, update

from store.projects import TakenError
from store.schema import connections, senders

ACTIVE: Final = "active"
SUBMISSION: Final = "submission"  # what people send
TRANSACTIONAL: Final = "transactional"  # what somebody waits for: a code, a receipt; goes first, gives up sooner
REJECTED: Final = "rejected"  # by the operator, who said why
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
    answers: Mapping[str, str]
    reason: str | None
    created_at: datetime
    asked_by: int | None

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
    answers: Mapping[str, str] | None = None,
    asked_by: int | None = None,
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
        "answers": dict(answers or {}),
        "asked_by": asked_by,
        "created_at": now,
    }
    made = tx.execute(insert(connections).values(values).returning(connections.c.id)).scalar_one()
    return _connection(tx.execute(_COLUMNS.where(connections.c.id == made)).one())


def find(tx: Transaction, login: str) -> Connection | None:
    """By login, of whatever project: for signing in."""
    row = tx.execute(_COLUMNS.where(connections.c.login == login)).one_or_none()
    return None if row is None else _connection(row)


def find_named(tx: Transaction, name: str, project: int | None = None) -> Connection | None:
    """The oldest of that name, of all projects (for `[submission] trusted`) or of one."""
    wanted = _COLUMNS.where(connections.c.name == name)
    if project is not None:
        wanted = wanted.where(connections.c.project_id == project)
    row = tx.execute(wanted.order_by(connections.c.id).limit(1)).one_or_none()
    return None if row is None else _connection(row)


def page(tx: Transaction, project: int, after: int, limit: int) -> list[Connection]:
    mine = _COLUMNS.where(connections.c.project_id == project, connections.c.id > after)
    return [_connection(row) for row in tx.execute(mine.order_by(connections.c.id).limit(limit))]


def get(tx: Transaction, project: int, connection: int) -> Connection | None:
    row = tx.execute(_COLUMNS.where(connections.c.project_id == project, connections.c.id == connection)).one_or_none()
    return None if row is None else _connection(row)


def waiting(tx: Transaction, limit: int) -> list[Connection]:
    """Of all projects, those that wait for the operator's decision, the oldest first."""
    wanted = _COLUMNS.where(connections.c.state == MODERATED).order_by(connections.c.id).limit(limit)
    return [_connection(row) for row in tx.execute(wanted)]


def decide(tx: Transaction, connection: int, state: str, reason: str | None) -> Connection | None:
    """ACTIVE or REJECTED; None where it does not wait for a decision, nor was rejected before."""
    open_ones = (connections.c.id == connection, connections.c.state.in_((MODERATED, REJECTED)))
    if tx.execute(update(connections).where(*open_ones).values(state=state, reason=reason)).rowcount != 1:
        return None
    return _connection(tx.execute(_COLUMNS.where(connections.c.id == connection)).one())


def why_stopped(tx: Transaction, project: int, address_key: str) -> str | None:
    """Why nothing may be sent from an address: its request waits or was rejected, and none was approved (S2)."""
    asked = select(connections.c.state).join(senders, senders.c.id == connections.c.sender_id)
    mine = (senders.c.project_id == project, senders.c.address_key == address_key)
    return _stops(set(tx.execute(asked.where(*mine)).scalars()))


def why_senders_stopped(tx: Transaction, project: int) -> dict[int, str]:
    """The same of every sender of a project from which nothing may be sent."""
    states: defaultdict[int, set[str]] = defaultdict(set)
    asked = select(connections.c.sender_id, connections.c.state)
    for row in tx.execute(asked.where(connections.c.project_id == project).distinct()):
        states[row.sender_id].add(row.state)
    return {sender: why for sender, found in states.items() if (why := _stops(found)) is not None}


def _stops(states: Set[str]) -> str | None:
    if not states or ACTIVE in states:
        return None
    return "under moderation" if MODERATED in states else "rejected"


def set_secret(tx: Transaction, connection: int, secret_hash: bytes) -> None:
    tx.execute(update(connections).where(connections.c.id == connection).values(secret_hash=secret_hash))


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
        answers=row.answers,
        reason=row.reason,
        created_at=row.created_at,
        asked_by=row.asked_by,
    )
