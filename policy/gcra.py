"""A rate held evenly: the generic cell rate algorithm (ITU-T I.371), as virtual scheduling.

Pure; called by mta/outbound/site_pace.py for messages and connections of a lane. One float per rate is its whole
memory: the theoretical arrival time of the next unit, in the caller's monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` units in `seconds`; at most one second's worth (and at least one unit) may come at once."""

    count: float
    seconds: float

    @property
    def interval(self) -> float:
        return self.seconds / self.count

    @property
    def tolerance(self) -> float:
        return max(0.0, 1.0 - self.interval)

    def __str__(self) -> str:
        unit = next((name for name, seconds in _SECONDS.items() if seconds == self.seconds), f"{self.seconds:g} s")
        return f"{self.count:g}/{unit}"


def parse_rate(text: str) -> Rate:
    """From "10/min"; units s, min, h, d. ValueError for anything else."""
    count, slash, unit = text.partition("/")
    try:
        number = float(count)
    except ValueError:
        number = 0.0
    if not slash or unit not in _SECONDS or not 0 < number < float("inf"):
        raise ValueError(f"{text!r} is no rate; write one as 10/s, 600/min, 5000/h or 20000/d")
    return Rate(number, _SECONDS[unit])


def admit(expected: float, now: float, rate: Rate) -> tuple[float, float]:
    """The new expected time and 0.0 where a unit may go now; else `expected` as it was and the seconds to wait."""
    wait = expected - rate.tolerance - now
    if wait > 0:
        return expected, wait
    return max(expected, now) + rate.interval, 0.0
