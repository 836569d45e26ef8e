"""The flags of a filed mail as its row keeps them: spelled one way, sorted, separated by one space. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

DELETED: Final = "\\Deleted"
SEEN: Final = "\\Seen"
FLAGS_TOGETHER: Final = 2000  # characters of the flags of one mail: they are in an index
SYSTEM_FLAGS: Final = ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen")
_SYSTEM = {flag.lower(): flag for flag in SYSTEM_FLAGS}


class TooManyFlagsError(Exception):
    """More flags on one mail than are kept."""


def joined(flags: Iterable[str]) -> str:
    """Flags as a row keeps them: each once whatever its case, system flags in their own spelling.

    TooManyFlagsError where they are too long together.
    """
    spelled: dict[str, str] = {}
    for flag in flags:
        spelled.setdefault(flag.lower(), _SYSTEM.get(flag.lower(), flag))
    kept = " ".join(sorted(spelled.values()))
    if len(kept) > FLAGS_TOGETHER:
        raise TooManyFlagsError(f"the flags of a mail have at most {FLAGS_TOGETHER} characters together")
    return kept


def keywords(flags: Iterable[str]) -> frozenset[str]:
    """Those among flags as rows keep them."""
    return frozenset(flag for each in flags for flag in each.split()).difference(SYSTEM_FLAGS)
