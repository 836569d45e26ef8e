"""The rate of campaigns that a breaker slows: what each has left for this moment, shared by the sender processes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from policy.gcra import Rate, admit


@dataclass(slots=True)
class SlowCampaigns:
    """`of`: how many processes there are; each gives a campaign its part of the rate."""

    rate: Rate
    of: int
    _due: dict[int, float] = field(default_factory=dict)

    def left(self, slowed: Collection[int], now: float) -> dict[int, int]:
        """1 for a campaign whose turn it is, else 0; the others are not slowed."""
        self._due = {one: due for one, due in self._due.items() if one in slowed}
        return {one: int(admit(self._due.get(one, 0.0), now, self._part)[1] == 0.0) for one in slowed}

    def used(self, slowed: Collection[int], rows: Mapping[int, int], now: float) -> None:
        """Rows that were claimed, by campaign; those of campaigns that are not slowed are free."""
        for one in rows.keys() & slowed:
            self._due[one] = max(self._due.get(one, 0.0), now) + rows[one] * self._part.interval

    @property
    def _part(self) -> Rate:
        return Rate(self.rate.count / self.of, self.rate.seconds)
