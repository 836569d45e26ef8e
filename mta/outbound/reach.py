"""Which domains have mail hosts with IPv4 addresses alone, or IPv6 alone, as attempts from a source have shown.

In memory, on the loop. Without it a row would stay with a source that can never reach its hosts, since a deferred row
goes from the source of its last attempt (policy/rotation.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from policy.rotation import EgressSource

KEPT: Final = 3600.0  # seconds; then it is tried again
MOST: Final = 50_000  # domains, the oldest forgotten


def is_ipv6(address: str) -> bool:
    return ":" in address


class Reach:
    def __init__(self) -> None:
        self._out_of: dict[tuple[str, bool], float] = {}  # (domain, IPv6) and until when

    def out_of_reach(self, domain: str, source: str, now: float) -> None:
        """No host of the domain has an address of the source's kind; `now`: monotonic seconds."""
        self._out_of.pop((domain, is_ipv6(source)), None)
        self._out_of[domain, is_ipv6(source)] = now + KEPT
        if len(self._out_of) > MOST:
            del self._out_of[next(iter(self._out_of))]

    def fitting(self, members: Sequence[EgressSource], domain: str, now: float) -> Sequence[EgressSource]:
        """Those that may reach the domain; all of them where none may."""
        if not self._out_of:
            return members
        return [one for one in members if self._out_of.get((domain, is_ipv6(one.address)), 0.0) <= now] or members
