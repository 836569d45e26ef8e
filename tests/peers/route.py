"""The sender's own route for tests that need no appliance: policies are kept in memory, the clock may be set."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from mail.tls_report import Session
from mta.outbound.route import Route
from mta.outbound.tls_outfit import authorities, opportunistic
from net.http_guard import HttpGuard
from net.resolver import Resolver
from net.smtp_peer import Timeouts
from net.sts_policies import KeptPolicy, StsPolicies
from net.tls_policy import TlsPolicies


class Kept:
    """What a database would keep."""

    def __init__(self) -> None:
        self.rows: dict[str, KeptPolicy] = {}

    def all(self) -> Iterable[KeptPolicy]:
        return list(self.rows.values())

    async def save(self, policy: KeptPolicy) -> None:
        self.rows[policy.domain] = policy


def road(
    resolver: Resolver, port: int, timeouts: Timeouts, *, ca_file: Path | None = None, sts_port: int = 443,
    allowed: Sequence[str] = ("127.0.0.0/8",), kept: Kept | None = None, now: Callable[[], datetime] | None = None,
    tally: Callable[[Session], None] | None = None,
) -> Route:  # fmt: skip
    """A route; with `ca_file` its authorities are those of that file."""
    clock = now or (lambda: datetime.now(UTC))
    file = str(ca_file) if ca_file else None
    guard = HttpGuard(
        resolver, ssl.create_default_context(cafile=file), [ip_network(one) for one in allowed], timedelta(seconds=3)
    )
    sts = StsPolicies(resolver, guard, kept or Kept(), sts_port, clock)
    policies = TlsPolicies(resolver, sts, authorities(file), port, clock)
    return Route(resolver, policies, opportunistic(), port, timeouts, clock, tally or (lambda _: None))
