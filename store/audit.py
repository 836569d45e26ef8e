"""The audit trail: who did what, when, on what, from where (PRODUCT P4).

Written by admin/pages, admin/api and admin/cli in the wake of each act; read by a project's owner and by the operator.
Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from store.schema import audit

KEPT: Final = timedelta(days=400)
_SUBJECT: Final = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """`act` is a name such as "domain.create"; `project` None: what belongs to no project."""

    id: int
    project: int | None
    at: datetime
    who: str
    act: str
    subject: str
    address: str


def note(tx: Connection, project: int | None, who: str, act: str, subject: str, address: str, now: datetime) -> None:
    values = {"who": who, "act": act, "subject": subject[:_SUBJECT], "address": address}
    tx.execute(insert(audit).values(project_id=project, at=now, **values))


def page(tx: Connection, project: int | None, before: int, limit: int) -> list[Entry]:
    """The newest first, of one project or (None) of all; `before` is the last id of the page above, 0 for none."""
    wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if project is not None:
        wanted = wanted.where(audit.c.project_id == project)
    if before:
        wanted = wanted.where(audit.c.id < before)
    return [
        Entry(row.id, row.project_id, row.at, row.who, row.act, row.subject, row.address) for row in tx.execute(wanted)
    ]


def forget(tx: Connection, now: datetime) -> None:
    tx.execute(delete(audit).where(audit.c.at < now - KEPT))
