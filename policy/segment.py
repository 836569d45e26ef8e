"""A segment: which clients of a project are meant, as a rule that people write and the database answers (PRODUCT L5).

Pure. `rule_of` reads what a page, the API or a row holds; store/segment_query.py makes a condition of it. All parts
hold at once; the tests of variables hold all, or with `any_of` at least one. Raises ValueError whose words begin with
the name of the part. Values of variables are text; a number is read as JSON writes one (RFC 8259 §6), a date as
YYYY-MM-DD at the beginning, and what is neither meets no such test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any, Final

import msgspec

from policy.rating import BLOCKED, HIGHEST
from policy.validation import check_variable

MOST: Final = 20  # lists, and tests of variables
_EARLIEST: Final = date(1970, 1, 1)


class Ask(Enum):
    """What a variable is asked. IS_NOT and MISSING are met by who has no such variable."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    PRESENT = "present"
    MISSING = "missing"
    AT_LEAST = "at_least"  # numbers
    AT_MOST = "at_most"
    SINCE = "since"  # dates, the day itself too
    UNTIL = "until"


NUMBERS: Final = frozenset({Ask.AT_LEAST, Ask.AT_MOST})
DATES: Final = frozenset({Ask.SINCE, Ask.UNTIL})
BARE: Final = frozenset({Ask.PRESENT, Ask.MISSING})


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variable: str
    test: Ask
    value: str = ""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On one of `lists` (of none named: whoever) and on none of `without`; both bounds belong to what they bound."""

    lists: tuple[int, ...] = ()
    without: tuple[int, ...] = ()
    rating_from: int = BLOCKED
    rating_to: int = HIGHEST
    registered_from: date | None = None
    registered_to: date | None = None
    any_of: bool = False
    variables: tuple[Condition, ...] = ()


def rule_of(raw: Mapping[str, Any]) -> Rule:
    """ValueError naming the part that is wrong."""
    try:
        rule = msgspec.convert(dict(raw), Rule)
    except msgspec.ValidationError as error:
        raise ValueError(f"rule: {error}") from error
    _check(rule)
    return rule


def plain(rule: Rule) -> dict[str, Any]:
    """As `rule_of` reads it."""
    told: dict[str, Any] = msgspec.to_builtins(rule)
    return told


def _check(rule: Rule) -> None:
    for name in ("lists", "without", "variables"):
        if len(getattr(rule, name)) > MOST:
            raise ValueError(f"{name}: at most {MOST}")
    if not BLOCKED <= rule.rating_from <= rule.rating_to <= HIGHEST:
        raise ValueError(f"rating: from {rule.rating_from} to {rule.rating_to} is no part of {BLOCKED}..{HIGHEST}")
    if rule.registered_from and rule.registered_to and rule.registered_from > rule.registered_to:
        raise ValueError("registered: it ends before it begins")
    if min((one for one in (rule.registered_from, rule.registered_to) if one), default=_EARLIEST) < _EARLIEST:
        raise ValueError("registered: not before 1970")
    for condition in rule.variables:
        _check_condition(condition)


def _check_condition(one: Condition) -> None:
    try:
        check_variable(one.variable, one.value)
        if any(character in one.variable for character in '"\\'):
            raise ValueError('a variable with " or a backslash in its name cannot be asked')
        if one.test in NUMBERS and not math.isfinite(float(one.value)):
            raise ValueError(f"{one.value!r} is no number")
        if one.test in DATES:
            date.fromisoformat(one.value)
        if one.test is Ask.CONTAINS and not one.value:
            raise ValueError(f"what is {one.variable!r} to contain?")
    except ValueError as error:
        raise ValueError(f"variables: {error}") from error
