"""The queue lane by lane: for each site, class and pool what waits and what is on the wire, and how each address may go
there now (PRODUCT O2, O3).

Rows name no address before they go, so what waits stands once for the addresses of its pool; how an address may go is
read from the table of providers and from what the senders saved of the hosts' answers. A project sees its own numbers.
Called by pages, API and `mailloft queue lanes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from admin.acts.explain import told
from admin.office import Office
from policy.rotation import EgressSource, of_pool
from policy.shaping import Action, Limits, Reaction, Table, applying, limits_of, under
from policy.sites import provider_of
from store import reactions, site_queues
from store.shaping_table import read_table
from store.site_queues import SiteQueue

OPEN, SLOWED, RESTS, STANDS, UNASKED = "open", "slowed", "rests", "stands", "unasked"
STATES: Final = (OPEN, SLOWED, RESTS, STANDS, UNASKED)
MOST: Final = 500  # lanes' queues at once, the fullest


@dataclass(frozen=True, slots=True)
class LaneView:
    """One address at the site. `state`: open, slowed or rests; `why` and `until` of what holds it back; `rate` and
    `connections` as they hold now, None where nothing is sent or no rate is set."""

    source: str
    state: str
    why: str | None
    until: datetime | None
    rate: str | None
    connections: int | None


@dataclass(frozen=True, slots=True)
class SiteLanes:
    """What waits for one site in one class and pool, and its lanes.

    `state`: that of its freest lane; "stands" where all its rows wait for a person (held, their campaign paused);
    "unasked" where the domain's MX is not known yet. `next`: the next attempt; None where nothing may go.
    """

    site: str
    retry: str
    pool: str
    queued: int
    going: int
    held: int
    inflight: int
    state: str
    next: datetime | None
    lanes: list[LaneView]


def view(office: Office, scope: int | None, site: str | None, limit: int = MOST) -> list[SiteLanes]:
    """The fullest first."""
    settings, now = office.settings, office.now()
    table = read_table(settings.shaping.file)
    own = Limits(settings.outbound.connections, settings.outbound.messages_per_connection, settings.outbound.idle)
    sources = [EgressSource(one.address, one.ehlo, one.pool, one.weight) for one in settings.outbound.sources]
    with office.read() as connection:
        held = [told(one, scope) for one in reactions.holding(connection, now)]
        queues = site_queues.by_site(connection, scope, site.lower() if site else None, now, limit)
    return [_site(one, of_pool(sources, one.pool), table, own, held, now) for one in queues]


def _site(
    queue: SiteQueue, members: Sequence[EgressSource], table: Table, own: Limits, held: list[Reaction], now: datetime
) -> SiteLanes:
    limits, _ = limits_of(provider_of(queue.site), table, own)
    lanes = [_lane(one.address, limits, applying(held, queue.site, one.address), now) for one in members]
    state = _state(queue, lanes)
    return SiteLanes(
        queue.site, queue.retry, queue.pool, queue.queued, queue.going, queue.held, queue.inflight, state,
        _next(queue, state, lanes, now), lanes,
    )  # fmt: skip


def _lane(source: str, limits: Limits, held: Sequence[Reaction], now: datetime) -> LaneView:
    """Of several that hold it back the rest is told first, then what lasts longest."""
    binding = [one for one in held if under(limits, [one], now) != limits]
    first = max(binding, key=lambda one: (one.action is Action.REST, one.until), default=None)
    why, until = (first.origin, first.until) if first else (None, None)
    now_holds = under(limits, binding, now)
    if now_holds is None:
        return LaneView(source, RESTS, why, until, None, None)
    rate = str(now_holds.message_rate) if now_holds.message_rate else None
    return LaneView(source, SLOWED if first else OPEN, why, until, rate, now_holds.connections)


def _state(queue: SiteQueue, lanes: Sequence[LaneView]) -> str:
    if queue.unasked and not queue.going:
        return UNASKED
    if not queue.going and not queue.inflight:
        return STANDS
    return min((one.state for one in lanes), key=STATES.index, default=RESTS)


def _next(queue: SiteQueue, state: str, lanes: Sequence[LaneView], now: datetime) -> datetime | None:
    """When the first row is due, or later where every address rests until then."""
    if queue.due is None or not queue.going:
        return None
    due = max(queue.due, now)
    awake = [one.until for one in lanes if one.until is not None]
    return max(due, min(awake)) if state == RESTS and awake else due
