"""Segments: made, edited, counted, removed; which clients a rule means (PRODUCT L5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from policy.segment import Rule, plain, rule_of
from store import campaigns, lists, segment_query, segments
from store.projects import TakenError
from store.segment_query import Size

_NAME_LIMIT: Final = 200
_EXAMPLES: Final = 10
_FRESH: Final = timedelta(minutes=1)  # a count that is younger is not made again


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """`counted`: how many clients it had at `counted_at`; None: nobody has asked yet."""

    id: int
    name: str
    counted: int | None
    counted_at: datetime | None


@dataclass(frozen=True, slots=True)
class SegmentView:
    """`size` at once: about so many, or exactly where `exact`; `examples` are addresses of some of them."""

    id: int
    name: str
    rule: Mapping[str, Any]
    size: Size
    examples: list[str]


def create(office: Office, project: int, name: str, raw: Mapping[str, Any]) -> SegmentView:
    """Raises InvalidError naming the part, NotFoundError for another's list, ConflictError for a name that is taken."""
    name, rule, now = _name(name), _rule(office, project, raw), office.now()
    try:
        made = office.write(lambda tx: segments.create(tx, project, name, rule, now))
    except TakenError as error:
        raise ConflictError(str(error)) from error
    return get(office, project, made)


def edit(office: Office, project: int, segment: int, name: str, raw: Mapping[str, Any]) -> SegmentView:
    """Raises what `create` raises, and NotFoundError. A campaign that is launched keeps whom it had."""
    get_rule(office, project, segment)
    name, rule = _name(name), _rule(office, project, raw)
    try:
        office.write(lambda tx: segments.edit(tx, project, segment, name, rule))
    except TakenError as error:
        raise ConflictError(str(error)) from error
    return get(office, project, segment)


def get(office: Office, project: int, segment: int) -> SegmentView:
    found = get_rule(office, project, segment)
    with office.read() as connection:
        size, some = segment_query.about(connection, project, found.rule, _EXAMPLES)
    return SegmentView(found.id, found.name, plain(found.rule), size, some)


def get_rule(office: Office, project: int, segment: int) -> segments.Segment:
    """Raises NotFoundError, also for another project's."""
    with office.read() as connection:
        found = segments.get(connection, project, segment)
    if found is None:
        raise NotFoundError(f"this project has no segment {segment}")
    return found


def by_name(office: Office, project: int, name: str) -> int:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = segments.find(connection, project, name)
    if found is None:
        raise NotFoundError(f"this project has no segment named {name[:80]!r}")
    return found.id


def page(office: Office, project: int, window: Window) -> Page[SegmentLine]:
    with office.read() as connection:
        rows = segments.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, lambda row: SegmentLine(row.id, row.name, row.counted, row.counted_at), lambda r: r.id)


def count(office: Office, project: int, segment: int) -> Size:
    """Exactly, as of the last minute; seconds for a million clients."""
    found, now = get_rule(office, project, segment), office.now()
    if found.counted is not None and found.counted_at is not None and now - found.counted_at < _FRESH:
        return Size(found.counted, exact=True)
    with office.read() as connection:
        clients = segment_query.count(connection, project, found.rule)
    office.write(lambda tx: segments.counted(tx, segment, found.rule, clients, now))
    return Size(clients, exact=True)


def remove(office: Office, project: int, segment: int) -> str:
    """Its name. Raises NotFoundError, and ConflictError where a campaign that is not launched goes to it."""
    found = get_rule(office, project, segment)

    def work(tx: Any) -> None:
        if not campaigns.leave_segment(tx, segment):
            raise ConflictError(
                f"segment {found.name}: a campaign that is not launched yet goes to it; change that first"
            )
        segments.remove(tx, project, segment)

    office.write(work)
    return found.name


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _NAME_LIMIT or not name.isprintable():
        raise InvalidError(f"name: 1 to {_NAME_LIMIT} printable characters")
    return name


def _rule(office: Office, project: int, raw: Mapping[str, Any]) -> Rule:
    try:
        rule = rule_of(raw)
    except ValueError as error:
        raise InvalidError(str(error)) from error
    with office.read() as connection:
        for one in (*rule.lists, *rule.without):
            if lists.get(connection, project, one) is None:
                raise NotFoundError(f"lists: this project has no list {one}")
    return rule
