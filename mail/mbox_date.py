"""The time in the `From ` line of an mbox: asctime with or without a zone, as programs write it.

Pure. Called by mail/mbox. None for what is no time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_MONTHS: Final = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_TIME: Final = re.compile(
    rb" ([A-Za-z]{3}) +(\d{1,2}) +(\d{1,2}):(\d\d)(?::(\d\d))?(?: +([A-Z]{1,5}|[+-]\d{4}))? +(\d{4})(?: +([+-]\d{4}))?"
)


def separator_date(line: bytes) -> datetime | None:
    """Aware; without a zone, or with one by name, it is taken as UTC."""
    found = _TIME.search(line[:1000])
    if found is None or found[1].lower() not in _MONTHS:
        return None
    month, zone = _MONTHS.index(found[1].lower()) + 1, found[8] or found[6] or b""
    day, hour, minute, second = (int(found[at] or 0) for at in (2, 3, 4, 5))
    try:
        return datetime(int(found[7]), month, day, hour, minute, second, tzinfo=_zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: bytes) -> timezone:
    if text[:1] not in (b"+", b"-"):
        return UTC
    away = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(-away if text[:1] == b"-" else away)
