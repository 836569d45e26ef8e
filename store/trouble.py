"""Why a database refused a write, as one word of few: for the metric by which a fault is seen.

Pure. store/journal.py counts with it; the words are those of SQLite and of PostgreSQL's driver.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from sqlalchemy.exc import DBAPIError

from store.disk import is_full


class Trouble(Enum):
    FULL = "full"
    LOCKED = "locked"
    DOWN = "down"
    OTHER = "other"


_LOCKED: Final = ("database is locked", "database table is locked", "lock timeout", "deadlock detected")


def trouble_of(error: BaseException) -> Trouble:
    if is_full(error):
        return Trouble.FULL
    if isinstance(error, DBAPIError):
        if any(word in str(error.orig).lower() for word in _LOCKED):
            return Trouble.LOCKED
        if error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "AdminShutdown"):
            return Trouble.DOWN
    return Trouble.OTHER
