"""When to stop asking a service that does not answer, so that each message need not wait for it in vain.

Pure. After several questions without an answer in a row it is not asked for a pause; then one question tries it, and
the pause doubles while that finds nobody. One answer ends it. Who asks keeps it in memory (mta/inbound/weigh), so a
restart asks at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

IN_A_ROW: Final = 3
FIRST: Final = timedelta(seconds=30)
LONGEST: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Silence:
    """`until` is when it may be asked again; `pause` is how long that was put off last, zero before the first time."""

    unanswered: int = 0
    until: datetime | None = None
    pause: timedelta = timedelta()


def asking(silence: Silence, now: datetime) -> Silence | None:
    """What to remember while one question is out; None: do not ask."""
    if silence.until is None:
        return silence
    if now < silence.until:
        return None
    return replace(silence, until=now + silence.pause)  # of all that wait, this one tries


def unanswered(silence: Silence, asked: Silence, now: datetime) -> Silence:
    """After a question that was asked in the state `asked`."""
    if silence.until != asked.until:  # asked before the pause that holds now: nothing new
        return silence
    count = silence.unanswered + 1
    if count < IN_A_ROW:
        return replace(silence, unanswered=count)
    pause = min(max(silence.pause * 2, FIRST), LONGEST)
    return Silence(count, now + pause, pause)
