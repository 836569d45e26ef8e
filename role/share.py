"""What each of several processes on one port may give a peer. Pure; called by the roles that share their ports."""

from __future__ import annotations


def share(count: int, of: int) -> int:
    """The part of one of `of` processes; the kernel spreads connections unevenly, hence never below a few."""
    return max(min(count, 4), count // of)
