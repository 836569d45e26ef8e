"""Who is in a segment: policy/segment.py's rule as a condition on clients, for both engines (PRODUCT L5).

Called by admin/acts; on `core`. `about` asks a sample, some thousand clients spread evenly over those in question, so
it costs the same for any number of clients; `count` looks at every one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from policy.segment import Ask, Condition, Rule
from store import list_ratings
from store.list_ratings import EVERYBODY
from store.schema import clients, memberships

_EXACT: Final = 4_000  # so many are simply counted
_STARTS: Final = 20
_EACH: Final = 100
_NUMBER: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_DAY: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
Value = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Size:
    """`exact` False: about so many."""

    clients: int
    exact: bool


def condition(connection: Connection, project: int, rule: Rule) -> ColumnElement[bool]:
    """What a row of clients must meet."""
    return and_(clients.c.project_id == project, _meets(connection, rule))


def _meets(connection: Connection, rule: Rule) -> ColumnElement[bool]:
    """Of the project's own clients. Beside ids it stands alone, or SQLite may walk the whole project by its index."""
    parts: list[ColumnElement[bool]] = []
    if rule.lists:
        parts.append(_on(rule.lists))
    if rule.without:
        parts.append(~_on(rule.without))
    if (rule.rating_from, rule.rating_to) != (1, 10):
        parts.append(clients.c.rating.between(rule.rating_from, rule.rating_to))
    if rule.registered_from:
        parts.append(clients.c.registered_at >= _midnight(rule.registered_from))
    if rule.registered_to:
        parts.append(clients.c.registered_at < _midnight(rule.registered_to) + timedelta(days=1))
    if rule.variables:
        asked = [_asked(one, connection.dialect.name == "postgresql") for one in rule.variables]
        parts.append(or_(*asked) if rule.any_of else and_(*asked))
    return and_(true(), *parts)


def _on(lists: tuple[int, ...]) -> ColumnElement[bool]:
    return exists().where(memberships.c.list_id.in_(lists), memberships.c.client_id == clients.c.id).correlate(clients)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _asked(one: Condition, postgresql: bool) -> ColumnElement[bool]:
    kept = type_coerce(clients.c.variables, Text)
    value: Value = (
        cast(kept, JSONB)[one.variable].astext if postgresql else func.json_extract(kept, f'$."{one.variable}"')
    )
    return (_ON_POSTGRESQL if postgresql else _ON_SQLITE)[one.test](func.coalesce(value, ""), one.value)


def _number(value: Value, looks_so: Value) -> Value:
    # CASE, because an AND may be evaluated in any order, and a cast of what is no number fails.
    return case((looks_so, cast(value, Float)), else_=None)


def _number_there(value: Value) -> Value:
    return _number(value, value.regexp_match(_NUMBER))


def _number_here(value: Value) -> Value:
    is_number = func.json_type(case((func.json_valid(value) == 1, value), else_="null")).in_(["integer", "real"])
    return _number(value, is_number)


def _day_there(value: Value) -> Value:
    return case((value.regexp_match("^" + _DAY), func.substr(value, 1, 10)), else_=None)


def _day_here(value: Value) -> Value:
    return case((value.op("GLOB")(f"{_DAY}*"), func.substr(value, 1, 10)), else_=None)


def _tests(
    number: Callable[[Value], Value], day: Callable[[Value], Value], position: Callable[..., Value]
) -> Mapping[Ask, Callable[[Value, str], ColumnElement[bool]]]:
    return {
        Ask.IS: lambda value, wanted: value == wanted,
        Ask.IS_NOT: lambda value, wanted: value != wanted,
        Ask.CONTAINS: lambda value, wanted: position(value, wanted) > 0,
        Ask.PRESENT: lambda value, _: value != "",
        Ask.MISSING: lambda value, _: value == "",
        Ask.AT_LEAST: lambda value, wanted: func.coalesce(number(value) >= float(wanted), False),
        Ask.AT_MOST: lambda value, wanted: func.coalesce(number(value) <= float(wanted), False),
        Ask.SINCE: lambda value, wanted: func.coalesce(day(value) >= wanted, False),
        Ask.UNTIL: lambda value, wanted: func.coalesce(day(value) <= wanted, False),
    }


_ON_SQLITE: Final = _tests(_number_here, _day_here, func.instr)
_ON_POSTGRESQL: Final = _tests(_number_there, _day_there, func.strpos)


def count(connection: Connection, project: int, rule: Rule) -> int:
    """Every client is looked at: seconds for a million."""
    wanted = select(func.count()).select_from(clients).where(condition(connection, project, rule))
    return int(connection.execute(wanted).scalar_one())


def about(connection: Connection, project: int, rule: Rule, examples: int) -> tuple[Size, list[str]]:
    """How many, and addresses of so many of them, at once; who is on several of its lists may count several times."""
    sizes = list_ratings.sizes(connection, project, rule.lists or (EVERYBODY,))
    meets = _meets(connection, rule)
    among = {one: clients.c.id.in_(_sample(connection, project, one)) for one in sizes}
    some = select(clients.c.address).where(or_(*among.values()), meets).order_by(clients.c.id).limit(examples)
    found = list(connection.execute(some).scalars())
    if sum(sizes.values()) <= _EXACT:
        return Size(count(connection, project, rule), exact=True), found
    shares = [_share(connection, sample, meets) * sizes[one] for one, sample in among.items()]
    return Size(round(sum(shares)), exact=False), found


def about_on(connection: Connection, project: int, list_id: int | None, rule: Rule) -> Size:
    """How many of a list (None: of the project) it means, at once."""
    if list_id is None:
        return about(connection, project, rule, 0)[0]
    size = list_ratings.sizes(connection, project, [list_id])[list_id]
    meets = _meets(connection, rule)
    if size <= _EXACT:
        mine = clients.c.id.in_(select(memberships.c.client_id).where(memberships.c.list_id == list_id))
        return Size(connection.execute(select(func.count()).where(mine, meets)).scalar_one(), exact=True)
    among = clients.c.id.in_(_sample(connection, project, list_id))
    return Size(round(_share(connection, among, meets) * size), exact=False)


def _share(connection: Connection, sample: ColumnElement[bool], meets: ColumnElement[bool]) -> float:
    looked, hit = func.count(), func.count().filter(meets)
    row = connection.execute(select(looked, hit).select_from(clients).where(sample)).one()
    return int(row[1]) / int(row[0]) if row[0] else 0.0


def _sample(connection: Connection, project: int, list_id: int) -> set[int]:
    if list_id == EVERYBODY:
        key, mine = clients.c.id, clients.c.project_id == project
    else:
        key, mine = memberships.c.client_id, memberships.c.list_id == list_id
    low = connection.execute(select(func.min(key)).where(mine)).scalar()
    high = connection.execute(select(func.max(key)).where(mine)).scalar()
    if low is None or high is None:
        return set()
    found: set[int] = set()
    for start in range(_STARTS):
        begin = low + (high - low) * start // _STARTS
        found.update(connection.execute(select(key).where(mine, key >= begin).order_by(key).limit(_EACH)).scalars())
    return found
