"""What sources that are being warmed up have sent today: so many messages a day for each provider of their plan.

In memory, over the counters that store/ledger.py keeps in the settling transaction; `refresh` takes in what other
workers sent. A plan says where mail leaves from, never whether: where nobody of a pool has anything left today, the
mail goes all the same and EXCEEDED counts it.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from prometheus_client import Counter

from policy.rotation import EgressSource
from policy.shaping import Table
from policy.sites import provider_of
from policy.warmup import Plan, allowance, row_of
from store.settings import Source, first_day

EXCEEDED = Counter("mailloft_warmup_exceeded_total", "Messages beyond a warm-up plan: no source had any left", [
    "source",
])  # fmt: skip


def warming_of(sources: Sequence[Source], table: Table) -> Warming:
    days = {source.address: (first_day(source), table.warmup.get(source.plan, {})) for source in sources}
    return Warming({address: (day, plan) for address, (day, plan) in days.items() if day is not None})


class Warming:
    """`begun`: the first day of each source that is being warmed up, by address, and its plan."""

    def __init__(self, begun: Mapping[str, tuple[date, Plan]]) -> None:
        self._begun = begun
        self._day = datetime.now(UTC).date()
        self._sent: Tally[str] = Tally()
        self._pending: Tally[str] = Tally()

    @property
    def active(self) -> bool:
        return bool(self._begun)

    def refresh(self, day: date, sent: Mapping[str, int]) -> None:
        """What the counters of this day say; they may be behind what we know ourselves, never before."""
        if day != self._day:
            self._day, self._sent = day, Tally()
        for key, count in sent.items():
            self._sent[key] = max(self._sent[key], count)

    def key(self, source: str, site: str) -> str:
        """The counter that an attempt counts for; "" for a warm source."""
        known = self._begun.get(source)
        return f"{source} {row_of(known[1], provider_of(site))}" if known else ""

    def left(self, source: str, site: str) -> int | None:
        """Messages that it may still send there today; None: no limit."""
        known = self._begun.get(source)
        if known is None:
            return None
        begun, plan = known
        volume = allowance(plan, provider_of(site), begun, self._day)
        if volume is None:
            return None
        key = self.key(source, site)
        return max(0, volume - self._sent[key] - self._pending[key])

    def within(self, members: Sequence[EgressSource], site: str) -> Sequence[EgressSource]:
        """Those that have something left; all of them where nobody has."""
        if not self._begun:
            return members
        return [one for one in members if self.left(one.address, site) != 0] or members

    def taken(self, source: str, site: str) -> None:
        """A row was given to it."""
        if key := self.key(source, site):
            if self.left(source, site) == 0:
                EXCEEDED.labels(source).inc()
            self._pending[key] += 1

    def done(self, source: str, site: str, *, tried: bool) -> None:
        """The row left our hands, sent or not."""
        if key := self.key(source, site):
            self._pending[key] -= 1
            self._sent[key] += 1 if tried else 0
