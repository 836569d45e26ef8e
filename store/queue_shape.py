"""The shape of the queue: rows by how long ago they were queued, for each site, project, campaign, source or state.

Called by admin. Counted from rows, never all: of the FULLEST flows at most FLOW_ROWS each (those due first), of those
in flight by the index of claims, ALL_ROWS together; `counted` says how many were. What waits by site, project and
campaign is known besides from the flows' own counts, so it is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import Connection, select

from policy.lifecycle import State
from store.queue_view import Waiting, as_waiting, chosen, waiting
from store.schema import HELD, INFLIGHT, QUEUED, flows, recipients

FULLEST: Final = 500
FLOW_ROWS: Final = 2_000
ALL_ROWS: Final = 50_000
UNTRIED: Final = "not tried yet"
SHOWN: Final = (State.QUEUED, State.HELD, State.INFLIGHT)


@dataclass(frozen=True, slots=True)
class Which:
    """None leaves a filter out; `source` is that of the last attempt, `state` one of SHOWN, None for queued rows."""

    project: int | None = None
    campaign: int | None = None
    site: str | None = None
    source: str | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Ages:
    """Of one group `counted` rows and how many of them were queued how long ago at most.

    `queued` and `held`: all that wait in it, where flows tell; of a source or a state, of the counted ones.
    """

    name: str
    queued: int
    held: int
    counted: int
    minutes_5: int = 0
    minutes_20: int = 0
    hour: int = 0
    hours_4: int = 0
    hours_12: int = 0
    day: int = 0
    older: int = 0


_AGES: Final = (
    ("minutes_5", timedelta(minutes=5)),
    ("minutes_20", timedelta(minutes=20)),
    ("hour", timedelta(hours=1)),
    ("hours_4", timedelta(hours=4)),
    ("hours_12", timedelta(hours=12)),
    ("day", timedelta(days=1)),
)


@dataclass(frozen=True, slots=True)
class _Seen:
    flow: Waiting
    state: State
    source: str
    queued_at: datetime


_NAMES: Final[Mapping[str, Callable[[Waiting], str]]] = {
    "site": lambda flow: flow.site,
    "project": lambda flow: str(flow.project),
    "campaign": lambda flow: f"{flow.stream} {flow.stream_id}",
}
_NAMES_OF_ROWS: Final[Mapping[str, Callable[[_Seen], str]]] = {
    "source": lambda row: row.source,
    "state": lambda row: row.state.value,
}
GROUPS: Final = (*_NAMES, *_NAMES_OF_ROWS)


def ages(connection: Connection, which: Which, by: str, now: datetime) -> list[Ages]:
    """One for each group, the fullest first; `by` is one of GROUPS."""
    full = waiting(connection, which.project, which.campaign, which.site, FULLEST)
    bins: dict[str, Counter[str]] = defaultdict(Counter)
    held: Counter[str] = Counter()
    queued: Counter[str] = Counter()
    for row in islice(_rows(connection, which, full), ALL_ROWS):
        name = _NAMES[by](row.flow) if by in _NAMES else _NAMES_OF_ROWS[by](row)
        bins[name][next((age for age, most in _AGES if now - row.queued_at <= most), "older")] += 1
        if by in _NAMES_OF_ROWS:
            queued[name] += row.state is State.QUEUED
            held[name] += row.state is State.HELD
    for flow in full if by in _NAMES and which.source is None else ():
        queued[_NAMES[by](flow)] += flow.queued
        held[_NAMES[by](flow)] += flow.held
    found = [Ages(name, queued[name], held[name], bins[name].total(), **bins[name]) for name in {*bins, *queued}]
    return sorted(found, key=lambda one: (-one.queued, -one.counted, one.name))


def _rows(connection: Connection, which: Which, full: list[Waiting]) -> Iterator[_Seen]:
    state = which.state or State.QUEUED
    if state is State.INFLIGHT:
        yield from _in_flight(connection, which)
        return
    condition = HELD if state is State.HELD else QUEUED
    for flow in full:
        if not (flow.held if state is State.HELD else flow.queued):
            continue
        wanted = select(recipients.c.queued_at, recipients.c.last_source).where(recipients.c.flow_id == flow.flow)
        wanted = wanted.where(condition).order_by(recipients.c.due).limit(FLOW_ROWS)
        for queued_at, source in connection.execute(wanted):
            if which.source in (None, source):
                yield _Seen(flow, state, source or UNTRIED, queued_at)


def _in_flight(connection: Connection, which: Which) -> Iterator[_Seen]:
    wanted = (
        select(recipients.c.queued_at, recipients.c.last_source, flows)
        .join(flows, flows.c.id == recipients.c.flow_id)
        .where(INFLIGHT, recipients.c.claimed_by > 0, *chosen(which.project, which.campaign, which.site))
        .limit(ALL_ROWS)
    )
    for row in connection.execute(wanted):
        if which.source in (None, row.last_source):
            yield _Seen(as_waiting(row), State.INFLIGHT, row.last_source or UNTRIED, row.queued_at)
