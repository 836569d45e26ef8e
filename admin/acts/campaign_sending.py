"""How a campaign goes, as a person asks for it: name, interval, parts each at its time or every so often, history (K3).

Called by panel, API and command line for `asked`, by admin/acts/campaigns.py for `check`. Raises InvalidError.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from admin.refusals import InvalidError
from policy.timetable import Timetable
from store.campaigns import Sending

_NAME_LIMIT: Final = 200
_LONGEST_INTERVAL: Final = timedelta(hours=1)
MOST_PARTS: Final = 100
_LONGEST_PAUSE: Final = timedelta(days=7)


def asked(
    from_name: str, interval: timedelta, parts: int, every: timedelta, times: Sequence[datetime], *, history: bool
) -> Sending:
    """`times`: when the second part begins, the third, ...; they tell how many there are where `parts` does not."""
    count = len(times) + 1 if times and parts == 1 else parts
    return Sending(from_name.strip(), Timetable(interval, count, every), history, tuple(times))


def check(sending: Sending) -> None:
    table, name = sending.timetable, sending.from_name
    if len(name) > _NAME_LIMIT or not name.isprintable():
        raise InvalidError(f"sender name: at most {_NAME_LIMIT} printable characters")
    if not timedelta(0) <= table.interval <= _LONGEST_INTERVAL:
        raise InvalidError("interval: 0 to 3600 seconds between two messages")
    if not 1 <= table.parts <= MOST_PARTS:
        raise InvalidError(f"parts: 1 to {MOST_PARTS}")
    if not timedelta(0) <= table.every <= _LONGEST_PAUSE:
        raise InvalidError("pause between parts: 0 to 7 days")
    _check_times(sending.part_times, table)


def _check_times(times: Sequence[datetime], table: Timetable) -> None:
    if not times:
        return
    if len(times) != table.parts - 1:
        raise InvalidError(f"times of the parts: {len(times)}, but {table.parts - 1} parts follow the first")
    if table.every:
        raise InvalidError("times of the parts: give them or a pause between parts, not both")
    if any(late <= early for early, late in pairwise(times)):
        raise InvalidError("times of the parts: each must be later than the one before")
