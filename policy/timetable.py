"""When each recipient of a campaign is due after its launch: an interval between messages, parts that follow (K3).

Pure. store/expansion.py makes ledger rows by it, a little before they are due; admin shows what it comes to.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Timetable:
    """`parts` of the same size, whose beginnings are `every` apart, or as `starts` says of the second, the third, ...;
    later where the part before takes longer than that."""

    interval: timedelta = _NONE
    parts: int = 1
    every: timedelta = _NONE
    starts: tuple[timedelta, ...] = ()

    def due(self, position: int, total: int) -> timedelta:
        """How long after the launch the recipient at `position` (from 0) of `total` is due; never falls with it."""
        size = self.part_size(total)
        part, within = divmod(position, size)
        return self._begins(part, size * self.interval) + within * self.interval

    def _begins(self, part: int, lasts: timedelta) -> timedelta:
        if not self.starts:
            return part * max(self.every, lasts)
        begun = _NONE
        for start in (*self.starts, *[_NONE] * (part - len(self.starts)))[:part]:
            begun = max(start, begun + lasts)
        return begun

    def ready(self, begun: timedelta, total: int) -> int:
        """How many of `total` are due so long after the launch."""
        return bisect_right(range(total), begun, key=lambda position: self.due(position, total))

    def part_size(self, total: int) -> int:
        """The last part may be smaller."""
        return max(1, -(-total // self.parts))

    def lasts(self, total: int) -> timedelta:
        """Until the last one is due."""
        return self.due(total - 1, total) if total else _NONE


AT_ONCE: Final = Timetable()
