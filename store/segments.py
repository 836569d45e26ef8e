"""Segments of a project by name: a rule, and how many it counted last (PRODUCT L5); on `core`.

Called by admin. What a rule means is policy/segment.py, who meets it store/segment_query.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from policy.segment import Rule, plain, rule_of
from store import list_ratings, segment_query
from store.list_ratings import EVERYBODY
from store.projects import TakenError
from store.schema import clients, memberships, segments
from store.segment_query import Size


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
    """What a row of clients must meet: of the project, and meant where a segment is given. LookupError where that is
    gone, which a key forbids."""
    rule = Rule() if segment is None else _rule(connection, project, segment)
    return segment_query.condition(connection, project, rule)


def ratings_of(connection: Connection, project: int, list_id: int | None, segment: int | None) -> dict[int, int]:
    """How many of a list (None: of the project), those whom the segment means, have each rating: what the launch gate
    judges (K5). With a segment every one is looked at: a second for a million."""
    if segment is None:
        return list_ratings.of_list(connection, project, EVERYBODY if list_id is None else list_id)
    wanted = select(clients.c.rating, func.count()).where(condition_of(connection, project, segment))
    if list_id is not None:
        wanted = wanted.join(memberships, memberships.c.client_id == clients.c.id).where(
            memberships.c.list_id == list_id
        )
    return {int(row[0]): int(row[1]) for row in connection.execute(wanted.group_by(clients.c.rating))}


def size_of(connection: Connection, project: int, list_id: int | None, segment: int | None) -> Size:
    """How many of a list (None: of the project) the segment means, at once: about so many where they are many."""
    if segment is None:
        return Size(sum(ratings_of(connection, project, list_id, None).values()), exact=True)
    return segment_query.about_on(connection, project, list_id, _rule(connection, project, segment))


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
