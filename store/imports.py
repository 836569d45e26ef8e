"""Imports of client files: how far each has come, and what was wrong in which line (PRODUCT L2).

Called by admin/importing.py. `Progress` moves in the transaction that saves its rows, so a crash repeats nothing.
An import is claimed by one worker until `claimed_until`; a worker that died lets another go on from the last row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select, update

from store.schema import import_errors, imports

QUEUED: Final = "queued"
RUNNING: Final = "running"
FINISHED: Final = "finished"
FAILED: Final = "failed"
OPEN: Final = (QUEUED, RUNNING)


@dataclass(frozen=True, slots=True)
class Progress:
    """Totals since the start; `bytes_read` is where the next row begins."""

    bytes_read: int = 0
    rows: int = 0
    added: int = 0
    updated: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Import:
    """`columns` are the header's; `file` is read again after a crash."""

    id: int
    project: int
    list_id: int
    state: str
    reason: str | None
    file: str
    separator: str
    columns: tuple[str, ...]
    bytes_total: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Mistake:
    line: int
    value: str
    error: str


def create(
    tx: Connection,
    project: int,
    list_id: int,
    file: str,
    separator: str,
    columns: Sequence[str],
    bytes_total: int,
    bytes_read: int,
    now: datetime,
) -> Import:
    """Queued, with `bytes_read` behind the header."""
    values = {
        "project_id": project,
        "list_id": list_id,
        "state": QUEUED,
        "file": file,
        "separator": separator,
        "columns": list(columns),
        "bytes_total": bytes_total,
        "bytes_read": bytes_read,
        "created_at": now,
    }
    return _import(tx.execute(insert(imports).values(values).returning(*imports.c)).one())


def get(tx: Connection, project: int, import_id: int) -> Import | None:
    wanted = select(imports).where(imports.c.project_id == project, imports.c.id == import_id)
    row = tx.execute(wanted).one_or_none()
    return None if row is None else _import(row)


def page(tx: Connection, project: int, after: int, limit: int) -> list[Import]:
    mine = select(imports).where(imports.c.project_id == project, imports.c.id > after)
    return [_import(row) for row in tx.execute(mine.order_by(imports.c.id).limit(limit))]


def count_open(tx: Connection, project: int) -> int:
    """Imports of the project that are not at their end: while there is one, nothing is launched."""
    found = select(imports.c.id).where(imports.c.project_id == project, imports.c.state.in_(OPEN))
    return len(tx.execute(found).all())


def waiting(connection: Connection) -> bool:
    """Whether any import is open: the cheap look before a claim."""
    return connection.execute(select(imports.c.id).where(imports.c.state.in_(OPEN)).limit(1)).first() is not None


def open_files(connection: Connection) -> frozenset[str]:
    """The files that are still to be read."""
    return frozenset(connection.execute(select(imports.c.file).where(imports.c.state.in_(OPEN))).scalars())


def claim(tx: Connection, worker: str, now: datetime, until: datetime) -> Import | None:
    """The oldest open import that nobody holds, now held by `worker` until `until`."""
    free = or_(imports.c.claimed_until.is_(None), imports.c.claimed_until < now, imports.c.claimed_by == worker)
    oldest = select(imports.c.id).where(imports.c.state.in_(OPEN), free).order_by(imports.c.id).limit(1)
    found = tx.execute(oldest.with_for_update(skip_locked=True)).scalar_one_or_none()
    return None if found is None else hold(tx, found, worker, until)


def hold(tx: Connection, import_id: int, worker: str, until: datetime) -> Import:
    """Running in the hands of `worker`."""
    held = update(imports).where(imports.c.id == import_id)
    values = {"state": RUNNING, "claimed_by": worker, "claimed_until": until}
    return _import(tx.execute(held.values(values).returning(*imports.c)).one())


def advance(
    tx: Connection, import_id: int, worker: str, progress: Progress, mistakes: Sequence[Mistake], until: datetime
) -> bool:
    """Save how far it has come; False, and nothing saved, where another worker holds it by now."""
    mine = update(imports).where(imports.c.id == import_id, imports.c.claimed_by == worker, imports.c.state == RUNNING)
    moved = tx.execute(mine.values(_columns(progress) | {"claimed_until": until}))
    if moved.rowcount != 1:
        return False
    if mistakes:
        rows = [{"import_id": import_id, "line": m.line, "value": m.value, "error": m.error} for m in mistakes]
        tx.execute(insert(import_errors), rows)
    return True


def end(tx: Connection, import_id: int, state: str, reason: str | None, now: datetime) -> None:
    """FINISHED, or FAILED with the reason."""
    values = {"state": state, "reason": reason, "finished_at": now, "claimed_until": None, "claimed_by": None}
    tx.execute(update(imports).where(imports.c.id == import_id).values(values))


def mistakes(tx: Connection, import_id: int, after: int, limit: int) -> list[Mistake]:
    """Behind line `after`, in order."""
    found = select(import_errors).where(import_errors.c.import_id == import_id, import_errors.c.line > after)
    rows = tx.execute(found.order_by(import_errors.c.line).limit(limit))
    return [Mistake(row.line, row.value, row.error) for row in rows]


def _columns(progress: Progress) -> dict[str, int]:
    return {
        "bytes_read": progress.bytes_read,
        "rows": progress.rows,
        "added": progress.added,
        "updated": progress.updated,
        "errors": progress.errors,
    }


def _import(row: Row[Any]) -> Import:
    return Import(
        id=row.id,
        project=row.project_id,
        list_id=row.list_id,
        state=row.state,
        reason=row.reason,
        file=row.file,
        separator=row.separator,
        columns=tuple(row.columns),
        bytes_total=row.bytes_total,
        progress=Progress(row.bytes_read, row.rows, row.added, row.updated, row.errors),
    )
