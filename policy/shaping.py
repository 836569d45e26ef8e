"""What a destination bears: limits of providers, rules that react to what hosts say, and what then holds.

Pure. The table comes as TOML (policy/providers.toml and the operator's file over it, read by store/shaping_table.py);
mta/outbound/site_pace.py keeps to it, `explain` shows it with the origin of each value. A reaction is a value with an
end; a slowed site comes back in doubling steps, not at once. Rules are asked about hosts' words only: what we say
ourselves while a site rests never comes here, or a rest would feed itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

import msgspec

from policy.gcra import Rate, parse_rate

EVERYWHERE: Final = "*"  # as a site: every site; as a source: every source
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")


class ShapingError(ValueError):
    """A table that cannot be used; the text names the key and the mend."""


class Action(Enum):
    REST = "rest"  # nothing is sent
    MESSAGES = "message_rate"
    CONNECTIONS = "connections"
    PER_CONNECTION = "messages_per_connection"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What hosts say `count` times `within` makes one of the actions hold for `lasts`.

    `share`: only where so much of all answers since the first of them says so; a host that refuses one message in ten
    does not speak of us.
    """

    match: str
    lasts: timedelta
    count: int = 1
    within: timedelta = timedelta(hours=1)
    share: float = 0.0
    rest: bool = False
    message_rate: str = ""
    connections: int = 0
    messages_per_connection: int = 0


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Per source, but for `provider_connections`. `rollup` False: each domain is a site of its own."""

    match: tuple[str, ...] = ()
    rollup: bool = True
    connections: int | None = None
    provider_connections: int | None = None
    messages_per_connection: int | None = None
    connection_rate: str = ""
    message_rate: str = ""
    idle: timedelta | None = None
    source: str = ""  # where the numbers come from, for people
    rules: tuple[Rule, ...] = ()


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`default`: what holds for every site beside its provider's own; `warmup`: plans by name (policy/warmup.py)."""

    provider: dict[str, Provider]
    default: Provider = Provider()
    warmup: dict[str, dict[str, tuple[int, ...]]] = {}


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for one source at one site, reactions left out. `provider_connections` 0: no such cap."""

    connections: int
    messages_per_connection: int
    idle: timedelta
    provider_connections: int = 0
    message_rate: Rate | None = None
    connection_rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Reaction:
    """`value`: connections, messages, or messages a minute; 0 for a rest. `origin`: what was heard, for people."""

    site: str
    source: str
    action: Action
    value: float
    until: datetime
    lasts: timedelta
    origin: str


def table_of(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> Table:
    """The shipped tree with the operator's over it, key by key; a list replaces a list. Raises ShapingError."""
    try:
        table = msgspec.convert(_merged(shipped, own), Table, strict=False)
    except msgspec.ValidationError as error:
        raise ShapingError(str(error)) from error
    for name, provider in table.provider.items():
        if not _NAME.fullmatch(name) or name == "default":
            raise ShapingError(f"provider {name!r}: a name has letters a-z, digits, - and _, and is not `default`")
        if not provider.match:
            raise ShapingError(f"provider {name}: `match` names no MX host")
        _check(f"provider.{name}", provider)
    _check("default", table.default)
    return table


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        below = both.get(key)
        both[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return both


def _check(where: str, provider: Provider) -> None:
    numbers = {
        "connections": provider.connections, "provider_connections": provider.provider_connections,
        "messages_per_connection": provider.messages_per_connection,
    }  # fmt: skip
    for key, number in numbers.items():
        if number is not None and number < 1:
            raise ShapingError(f"{where}.{key}: {number} would send nothing; leave it out or write 1 or more")
    for at, rule in enumerate(provider.rules):
        try:
            action_of(rule)
            re.compile(rule.match)
        except (ValueError, re.error) as error:
            raise ShapingError(f"{where}.rules[{at}]: {error}") from error
    for text in (provider.message_rate, provider.connection_rate):
        try:
            _rate(text)
        except ValueError as error:
            raise ShapingError(f"{where}: {error}") from error


def action_of(rule: Rule) -> tuple[Action, float]:
    """What a rule does. ValueError unless it is exactly one thing."""
    wanted: list[tuple[Action, float]] = []
    if rule.rest:
        wanted.append((Action.REST, 0))
    if rule.message_rate:
        rate = parse_rate(rule.message_rate)
        wanted.append((Action.MESSAGES, 60 / rate.interval))
    if rule.connections:
        wanted.append((Action.CONNECTIONS, rule.connections))
    if rule.messages_per_connection:
        wanted.append((Action.PER_CONNECTION, rule.messages_per_connection))
    if len(wanted) != 1 or wanted[0][1] < 0 or rule.count < 1:
        raise ValueError("a rule has exactly one of rest, message_rate, connections, messages_per_connection")
    return wanted[0]


_GENERIC: Final = "default"


def limits_of(name: str, table: Table, settings: Limits) -> tuple[Limits, dict[str, str]]:
    """What holds for a provider's site, and the origin of each value by its name. `settings`: those of [outbound]."""
    found: dict[str, tuple[Any, str]] = {
        "connections": (settings.connections, "settings [outbound]"),
        "messages_per_connection": (settings.messages_per_connection, "settings [outbound]"),
        "idle": (settings.idle, "settings [outbound]"),
        "provider_connections": (0, "no cap"), "message_rate": (None, "no limit"),
        "connection_rate": (None, "no limit"),
    }  # fmt: skip
    for origin, provider in ((_GENERIC, table.default), (f"provider {name}", table.provider.get(name))):
        for key, value in _given(provider).items():
            found[key] = (value, origin)
    return Limits(**{key: value for key, (value, _) in found.items()}), {key: told for key, (_, told) in found.items()}


def _given(provider: Provider | None) -> dict[str, Any]:
    if provider is None:
        return {}
    values = {
        "connections": provider.connections, "messages_per_connection": provider.messages_per_connection,
        "idle": provider.idle, "provider_connections": provider.provider_connections,
        "message_rate": _rate(provider.message_rate), "connection_rate": _rate(provider.connection_rate),
    }  # fmt: skip
    return {key: value for key, value in values.items() if value is not None}


def _rate(text: str) -> Rate | None:
    return parse_rate(text) if text else None


def rules_of(name: str, table: Table) -> tuple[Rule, ...]:
    """The provider's own rules, then those for everybody."""
    own = table.provider.get(name)
    return (*(own.rules if own else ()), *table.default.rules)


def under(limits: Limits, reactions: Iterable[Reaction], now: datetime) -> Limits | None:
    """The limits while these reactions hold, the strictest of each kind; None: it rests."""
    connections, each, rate = limits.connections, limits.messages_per_connection, limits.message_rate
    for one in reactions:
        if one.until <= now:
            continue
        match one.action:
            case Action.REST:
                return None
            case Action.CONNECTIONS:
                connections = min(connections, int(one.value))
            case Action.PER_CONNECTION:
                each = min(each, int(one.value))
            case Action.MESSAGES:
                slow = Rate(one.value, 60.0)
                rate = slow if rate is None or slow.interval > rate.interval else rate
    return Limits(connections, each, limits.idle, limits.provider_connections, rate, limits.connection_rate)


_STEPS: Final = 4  # a step back lasts so much of the time that the reaction itself lasted
_FREELY: Final = 6000.0  # messages a minute from which on a rate without a limit of its own is free again


def recovered(ended: Reaction, limits: Limits, now: datetime) -> Reaction | None:
    """What follows a reaction that was not renewed: the next, looser step, or None once it would not bind."""
    full = {
        Action.REST: limits.connections, Action.CONNECTIONS: limits.connections,
        Action.PER_CONNECTION: limits.messages_per_connection,
        Action.MESSAGES: 60 / limits.message_rate.interval if limits.message_rate else _FREELY,
    }[ended.action]  # fmt: skip
    action = Action.CONNECTIONS if ended.action is Action.REST else ended.action
    value = 1.0 if ended.action is Action.REST else ended.value * 2
    if value >= full:
        return None
    first = not ended.origin.startswith(_RECOVERING)
    lasts = ended.lasts / _STEPS if first else ended.lasts
    origin = f"{_RECOVERING}{ended.origin}" if first else ended.origin
    return Reaction(ended.site, ended.source, action, value, now + lasts, lasts, origin)


_RECOVERING: Final = "coming back after: "


def applying(reactions: Sequence[Reaction], site: str, source: str) -> list[Reaction]:
    """Those that are about this source at this site."""
    return [one for one in reactions if one.site in (site, EVERYWHERE) and one.source in (source, EVERYWHERE)]


@dataclass(frozen=True, slots=True)
class Effective:
    """One value as it holds now, with where it comes from and, for a reaction, until when."""

    name: str
    value: str
    origin: str
    until: datetime | None = None


def explained(limits: Limits, origins: Mapping[str, str], held: Iterable[Reaction], now: datetime) -> list[Effective]:
    """Each limit as it holds for one source at one site; a rest stands first."""
    shown = {
        "connections": f"{limits.connections}",
        "messages_per_connection": f"{limits.messages_per_connection}",
        "idle": f"{limits.idle.total_seconds():g} s",
        "provider_connections": f"{limits.provider_connections or 'no cap'}",
        "message_rate": f"{limits.message_rate or 'no limit'}",
        "connection_rate": f"{limits.connection_rate or 'no limit'}",
    }
    found = {name: Effective(name, value, origins[name]) for name, value in shown.items()}
    rests = []
    for one in (one for one in held if one.until > now):
        alone = under(limits, [one], now)
        if alone is None:
            rests.append(Effective(Action.REST.value, "nothing is sent", f"reaction: {one.origin}", one.until))
        elif alone != limits and _stricter(one, found[one.action.value], shown[one.action.value]):
            value = f"{one.value:g}/min" if one.action is Action.MESSAGES else f"{one.value:g}"
            found[one.action.value] = Effective(one.action.value, value, f"reaction: {one.origin}", one.until)
    return [*rests, *found.values()]


def _stricter(one: Reaction, known: Effective, plain: str) -> bool:
    """Whether a reaction binds more than the one that is shown for the same limit so far."""
    return known.value == plain or one.value < float(known.value.removesuffix("/min"))
