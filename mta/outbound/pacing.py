"""The sites of one worker: who of our sources is awake where, what rests everywhere, what an earlier run held back.

In memory, on the loop; a site belongs to one process of a node, so counts are exact without asking anyone. Lanes keep
to their LanePace (mta/outbound/site_pace.py), promotion asks here who is awake. New reactions are handed to `publish`,
which saves them (store/reactions.py); crash case: one that was not saved yet is made again by the next answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import Counter, Gauge

from mta.outbound.site_pace import LanePace, SitePace
from policy.rotation import EgressSource, of_pool
from policy.shaping import EVERYWHERE, Action, Limits, Reaction, Table, limits_of, rules_of
from policy.sites import provider_of

REMEMBERED: Final = 3600.0  # seconds that a site's refusals are remembered without a lane
SOON: Final = 5.0  # seconds of a site's rate that promotion claims ahead

REACTIONS = Counter("mailloft_reactions_total", "Times that answers of hosts slowed or stopped a source", [
    "provider", "action",
])  # fmt: skip
RESTING = Gauge("mailloft_resting", "Pairs of source and site where nothing is sent for now")


@dataclass(frozen=True, slots=True)
class Sickness:
    """When an address rests for what it is; settings `[shaping] sick_*`."""

    refusals: int = 5
    share: float = 0.5
    within: timedelta = timedelta(hours=1)
    rest: timedelta = timedelta(hours=2)
    sites: int = 3


class Pacing:
    """The sites of one worker. `own`: what [outbound] says for sites of no provider."""

    def __init__(
        self, sources: Sequence[EgressSource], table: Table, own: Limits, sickness: Sickness,
        publish: Callable[[Reaction], None],
    ) -> None:  # fmt: skip
        self.sources = sources
        self.sickness = sickness
        self.version = 0
        self.nodes = 1  # that send from the same rows, ourselves among them
        self.everywhere: dict[str, Reaction] = {}
        self.holding: set[str] = set()  # sites that hold something back, so that nobody looks through all of them
        self._table = table
        self._own = own
        self._publish = publish
        self._sites: dict[str, SitePace] = {}
        self._saved: dict[str, list[Reaction]] = {}
        self._pools: set[str] = set()

    def load(self, saved: Iterable[Reaction]) -> None:
        """What an earlier run, or another worker (for all sites), holds back."""
        for one in saved:
            if one.site == EVERYWHERE:
                if self.everywhere.get(one.source) != one and not self._last_awake(one.source):
                    self.everywhere[one.source] = one
                    self.version += 1
            elif (site := self._sites.get(one.site)) is not None:
                site.adopt(one)
            else:
                self._saved.setdefault(one.site, []).append(one)

    def site(self, name: str) -> SitePace:
        site = self._sites.get(name)
        if site is None:
            provider = provider_of(name)
            limits, _ = limits_of(provider, self._table, self._own)
            site = self._sites[name] = SitePace(self, name, limits, rules_of(provider, self._table))
            for one in self._saved.pop(name, ()):
                site.adopt(one)
        return site

    def forget(self, used: Mapping[str, object]) -> None:
        """Sites without a lane, anything held back or a refusal of late need no memory."""
        now = datetime.now(UTC)
        recent = time.monotonic() - REMEMBERED
        self._sites = {
            name: site
            for name, site in self._sites.items()
            if name in used or name in self.holding or site.slots or site.noted > recent
        }
        for site in [self._sites[name] for name in sorted(self.holding)]:
            site.expire(now)
        pairs = ((self._sites[name], source.address) for name in sorted(self.holding) for source in self.sources)
        RESTING.set(sum(site.rests(source) for site, source in pairs))

    def publish(self, reaction: Reaction) -> None:
        REACTIONS.labels(provider_of(reaction.site), reaction.action.value).inc()
        self._publish(reaction)

    def awake(self, pool: str, site: str) -> list[EgressSource]:
        """The sources of a pool that may send to a site now."""
        self._pools.add(pool)
        members = of_pool(self.sources, pool)
        if site not in self._sites and site not in self._saved and not self.everywhere:
            return list(members)
        known = self.site(site)
        return [one for one in members if not known.rests(one.address)]

    def resting(self) -> list[str]:
        """The (pool, site) where nobody is awake, as store/flows.py names them."""
        return [f"{pool} {name}" for name in sorted(self.holding) for pool in self._pools if not self.awake(pool, name)]

    def room(self, site: str, most: int) -> int:
        """Rows that a site can use within moments: what waits for its turn in a lane is held by nobody else's."""
        known = self._sites.get(site)
        if known is None:
            return most
        total = 0.0
        for source in self.sources:
            limits = known.lane(source.address).limits
            if limits is not None:
                total += most if limits.message_rate is None else 1 + SOON / limits.message_rate.interval
        return min(most, int(total))

    def others_awake(self, source: str, site: str) -> bool:
        """Whether each pool of a source would still have somebody at this site."""
        pools = {one.pool for one in self.sources if one.address == source}
        return all(any(one.address != source for one in self.awake(pool, site)) for pool in pools)

    def judge_everywhere(self, source: str) -> None:
        """Refused for what it is by several sites: it rests at all of them."""
        sick = [name for name in self.holding if self._sites[name].rested(source)]
        if len(sick) < self.sickness.sites or self._rests_everywhere(source) or self._last_awake(source):
            return
        until = datetime.now(UTC) + self.sickness.rest
        origin = f"refused for our address by {', '.join(sorted(sick)[:5])}"
        one = Reaction(EVERYWHERE, source, Action.REST, 0, until, self.sickness.rest, origin)
        self.everywhere[source] = one
        self.version += 1
        self.publish(one)
        for site in self._sites.values():
            site.tell_lanes()

    def _rests_everywhere(self, source: str) -> bool:
        held = self.everywhere.get(source)
        return held is not None and held.until > datetime.now(UTC)

    def _last_awake(self, source: str) -> bool:
        """Whether a pool would have nobody left anywhere: then its mail would wait, and it must not."""
        pools = {known.pool for known in self.sources if known.address == source}
        return any(
            all(one.address == source or self._rests_everywhere(one.address) for one in of_pool(self.sources, pool))
            for pool in pools
        )


def steady(limits: Limits, source: str = "") -> LanePace:
    """A pace without a table: these limits and no rules, for a lane alone."""
    pacing = Pacing((), Table({}), limits, Sickness(), lambda _: None)
    return SitePace(pacing, "", limits, ()).lane(source)
