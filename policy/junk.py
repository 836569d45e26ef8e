"""Which peers are suspicious, and what that costs them: put off once, or refused (PRODUCT I4).

Pure. mta/inbound/screen asks at RCPT with what DNS and store/greylist say. Nothing that could not be found out in time
counts against a peer (fail-open), and a peer that came again once is let in from then on.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

# A name that spells its own address or says that it is a customer's line: no mail host's.
_DYNAMIC: Final = re.compile(
    r"(?:^|[.-])(?:dyn|dynamic|dhcp|dsl|adsl|pppoe?|pool|dialup|cable|client|customer)[0-9]*[.-]"
)
REMEMBERED: Final = timedelta(days=36)  # a month and a week: who writes once a month need not wait again
_TOO_LATE: Final = timedelta(days=2)  # a retry that comes later is a first try


class Fault(Enum):
    """Why a peer is suspicious."""

    NO_NAME = "no_name"  # no PTR, or none whose host has the address
    DYNAMIC = "dynamic"
    LISTED = "listed"
    SPF_FAIL = "spf_fail"


class Screening(Enum):
    PASS = "pass"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a network and a pair of addresses: first seen, and since when it passes, if it does."""

    first_at: datetime | None
    passed_at: datetime | None


def faults(iprev: str, names: Collection[str], peer: str, lists: Collection[str], spf: str) -> frozenset[Fault]:
    """`iprev` and `spf` as in RFC 8601, `names` the peer's PTR names, `lists` the zones that list it."""
    found = {
        Fault.NO_NAME: iprev in ("fail", "permerror"),
        Fault.DYNAMIC: any(_is_dynamic(name.lower(), peer) for name in names),
        Fault.LISTED: bool(lists),
        Fault.SPF_FAIL: spf in ("fail", "softfail"),
    }
    return frozenset(fault for fault, true in found.items() if true)


def _is_dynamic(name: str, peer: str) -> bool:
    if ":" in peer:
        return _DYNAMIC.search(name) is not None
    octets = peer.split(".")
    spelled = any(separator.join(order) in name for separator in "-." for order in (octets, octets[::-1]))
    return spelled or _DYNAMIC.search(name) is not None


def screen(found: Collection[Fault], seen: Seen, now: datetime, wait: timedelta) -> Screening:
    """A peer without fault passes; one with a fault once it has come again after `wait`."""
    if not found or (seen.passed_at is not None and now - seen.passed_at < REMEMBERED):
        return Screening.PASS
    returned = seen.first_at is not None and wait <= now - seen.first_at < _TOO_LATE
    return Screening.PASS if returned else Screening.WAIT


class Filed(Enum):
    """What a content filter's word comes to."""

    PASS = "pass"
    JUNK = "junk"
    REFUSE = "refuse"
    WAIT = "wait"


# The words of rspamd; its "greylist" is left to our own.
_REJECTING: Final = {
    "add header": Filed.JUNK,
    "rewrite subject": Filed.JUNK,
    "reject": Filed.REFUSE,
    "soft reject": Filed.WAIT,
}
_FILING: Final = {"add header": Filed.JUNK, "rewrite subject": Filed.JUNK, "reject": Filed.JUNK}


def filed(action: str, *, rejecting: bool) -> Filed:
    """`rejecting`: the operator lets it refuse mail; a word that is not known lets it pass."""
    return (_REJECTING if rejecting else _FILING).get(action, Filed.PASS)
