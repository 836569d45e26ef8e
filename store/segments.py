"""Segments of a project by name: a rule, and how many it counted last (PRODUCT L5); on `core`.

Called by admin. What a rule means is policy/segment.py, who meets it store/segment_query.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, true, update

from policy.segment import Rule, plain, rule_of
from store import list_ratings, segment_query
from store.projects import TakenError
from store.schema import clients, memberships, segments


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


def condition_of(connection: Connection, project: int, segment: int | None) -> ColumnElement[bool]:
    """What a row of clients must meet; nothing where it is None. LookupError where it is gone, which a key forbids."""
    return (
        true() if segment is None else segment_query.condition(connection, project, _rule(connection, project, segment))
    )


def ratings_on_list(connection: Connection, project: int, list_id: int, segment: int | None) -> dict[int, int]:
    """How many of a list, those whom the segment means, have each rating: what the launch gate judges (K5)."""
    if segment is None:
        return list_ratings.of_list(connection, project, list_id)
    wanted = (
        select(clients.c.rating, func.count())
        .join(memberships, memberships.c.client_id == clients.c.id)
        .where(memberships.c.list_id == list_id, condition_of(connection, project, segment))
        .group_by(clients.c.rating)
    )
    return {int(row[0]): int(row[1]) for row in connection.execute(wanted)}


def _rule(connection: Connection, project: int, segment: int) -> Rule:
    found = get(connection, project, segment)
    if found is None:
        raise LookupError(f"segment {segment} is gone")
    return found.rule


def _check_free(tx: Connection, project: int, name: str, but: int | None) -> None:
    found = find(tx, project, name)
    if found is not None and found.id != but:
        raise TakenError(f"a segment named {name!r} is in this project already")


def _one(project: int, segment: int) -> tuple[Any, Any]:
    return segments.c.project_id == project, segments.c.id == segment


def _segment(row: Row[Any]) -> Segment:
    return Segment(row.id, row.name, rule_of(row.rule), row.counted, row.counted_at)
