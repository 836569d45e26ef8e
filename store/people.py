"""The people who sign in: operators and the members of projects (PRODUCT P4).

Called by admin. `password_hash` is what store/mailboxes.verify reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from store.schema import people


@dataclass(frozen=True, slots=True)
class Person:
    """`project` None: an operator, of all projects."""

    id: int
    login: str
    role: str
    project: int | None
    password_hash: str


def put(tx: Connection, login: str, role: str, project: int | None, password_hash: str, now: datetime) -> None:
    """Make the person, or give the one of that login this password."""
    if find(tx, login) is not None:
        tx.execute(update(people).where(people.c.login == login).values(password_hash=password_hash))
        return
    values = {"login": login, "role": role, "project_id": project, "password_hash": password_hash, "created_at": now}
    tx.execute(insert(people).values(values))


def find(tx: Connection, login: str) -> Person | None:
    row = tx.execute(select(people).where(people.c.login == login)).one_or_none()
    return None if row is None else Person(row.id, row.login, row.role, row.project_id, row.password_hash)
