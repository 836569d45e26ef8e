"""Segments of a project by name: a rule, and how many it counted last (PRODUCT L5); on `core`.

Called by admin. What a rule means is policy/segment.py, who meets it store/segment_query.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from policy.segment import Rule, plain, rule_of
from store.projects import TakenError
from store.schema import segments


@dataclass(frozen=True, slots=True)
class Segment:
    """`counted` at `counted_at`; None where it was not counted since its rule is this."""

    id: int
    name: str
    rule: Rule
    counted: int | None
    counted_at: datetime | None


def create(tx: Connection, project: int, name: str, rule: Rule, now: datetime) -> int:
    """Raises TakenError."""
    _check_free(tx, project, name, None)
    values = {"project_id": project, "name": name, "rule": plain(rule), "created_at": now}
    return int(tx.execute(insert(segments).values(values).returning(segments.c.id)).scalar_one())


def edit(tx: Connection, project: int, segment: int, name: str, rule: Rule) -> bool:
    """False where there is none. Raises TakenError."""
    _check_free(tx, project, name, segment)
    values = {"name": name, "rule": plain(rule), "counted": None, "counted_at": None}
    return tx.execute(update(segments).where(*_one(project, segment)).values(values)).rowcount == 1


def counted(tx: Connection, segment: int, rule: Rule, count: int, now: datetime) -> None:
    """Kept, unless its rule was changed meanwhile."""
    same = (segments.c.id == segment, segments.c.rule == plain(rule))
    tx.execute(update(segments).where(*same).values(counted=count, counted_at=now))


def get(tx: Connection, project: int, segment: int) -> Segment | None:
    row = tx.execute(select(segments).where(*_one(project, segment))).one_or_none()
    return None if row is None else _segment(row)


def find(tx: Connection, project: int, name: str) -> Segment | None:
    row = tx.execute(select(segments).where(segments.c.project_id == project, segments.c.name == name)).one_or_none()
    return None if row is None else _segment(row)


def page(tx: Connection, project: int, after: int, limit: int) -> list[Segment]:
    mine = select(segments).where(segments.c.project_id == project, segments.c.id > after)
    return [_segment(row) for row in tx.execute(mine.order_by(segments.c.id).limit(limit))]


def remove(tx: Connection, project: int, segment: int) -> bool:
    return tx.execute(delete(segments).where(*_one(project, segment))).rowcount == 1


def _check_free(tx: Connection, project: int, name: str, but: int | None) -> None:
    found = find(tx, project, name)
    if found is not None and found.id != but:
        raise TakenError(f"a segment named {name!r} is in this project already")


def _one(project: int, segment: int) -> tuple[Any, Any]:
    return segments.c.project_id == project, segments.c.id == segment


def _segment(row: Row[Any]) -> Segment:
    return Segment(row.id, row.name, rule_of(row.rule), row.counted, row.counted_at)
