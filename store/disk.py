"""Whether a failed write means that the disk is full, on each of the engines and the spool.

Pure. The edges ask it to answer 452 instead of 451: both are temporary, but a person who reads it knows the mend.
"""

from __future__ import annotations

import errno
from typing import Final

from sqlalchemy.exc import DBAPIError

_NUMBERS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WORDS: Final = ("database or disk is full", "no space left on device", "disk full")


def is_full(error: BaseException) -> bool:
    """True for ENOSPC, a used-up quota or file size limit, SQLITE_FULL and PostgreSQL's 53100."""
    if isinstance(error, OSError):
        return error.errno in _NUMBERS
    if isinstance(error, DBAPIError):
        words = str(error.orig).lower()
        return any(word in words for word in _WORDS)
    return False
