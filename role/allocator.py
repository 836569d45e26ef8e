"""Keeps large blocks of memory out of the heap, for roles with thousands of sessions. Linux with glibc; else nothing.

glibc takes blocks of 128 kB and more from the kernel each for itself, until one is freed: from then on it takes larger
ones from the heap too (mallopt(3), M_MMAP_THRESHOLD). The 256 kB that uvloop reserves for each TLS session then cost
24 KiB more of memory that was used before (2,000 idle sessions: 93 MB, so 51). A threshold that is set stays.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_THRESHOLD: Final = 128 * 1024  # octets
_M_MMAP_THRESHOLD: Final = -3


def keep_large_blocks_apart() -> None:
    """Of this process, from now on."""
    if sys.platform.startswith("linux"):
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
