"""What all connections of one listener share in one process: its limits, who is connected, its counters.

On the loop, no locks. Called by mta/smtp_server for each connection, and by the daemons at start and at the clean stop.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter as Tally
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from prometheus_client import Counter, Gauge

from role.log import EventLog
from store.settings import Limits

if TYPE_CHECKING:
    from mta.smtp_server import SmtpServer

_SESSIONS: Final = Counter("mailloft_smtp_sessions", "Connections taken", ["listener"])
_OPEN: Final = Gauge("mailloft_smtp_open_sessions", "Connections open now", ["listener"])
_REFUSED: Final = Counter("mailloft_smtp_refused", "Refused, by reason", ["listener", "reason"])
_ACCEPTED: Final = Counter("mailloft_smtp_accepted", "Messages answered with 250", ["listener"])
_OCTETS: Final = Counter("mailloft_smtp_accepted_octets", "Octets of those messages", ["listener"])
_STOPPING: Final = "421 4.3.2 Stopping, try again in a moment"


class Listener:
    """`name` in log and metrics; `of` processes share the port and divide the limit a peer has."""

    def __init__(self, name: str, hostname: str, limits: Limits, of: int, tls: ssl.SSLContext, log: EventLog) -> None:
        self.name = name
        self.hostname = hostname
        self.limits = replace_connections(limits, of)
        self.tls = tls
        self.log = log
        self.penalty = 0.5  # seconds that a refusal waits once a peer has had its free errors
        self._sessions: set[SmtpServer[Any]] = set()
        self._peers: Tally[str] = Tally()
        self._stopping = False

    def admit(self, session: SmtpServer[Any], peer: str) -> str | None:
        """The reply that turns this connection away, or None."""
        network = _network(peer)
        if self._stopping:
            return _STOPPING
        if self._peers[network] >= self.limits.connections_per_peer:
            self.refused("connections")
            return "421 4.7.0 Too many connections from your address"
        self._peers[network] += 1
        self._sessions.add(session)
        _SESSIONS.labels(self.name).inc()
        _OPEN.labels(self.name).inc()
        return None

    def leave(self, session: SmtpServer[Any], peer: str) -> None:
        if session in self._sessions:
            self._sessions.discard(session)
            _OPEN.labels(self.name).dec()
            network = _network(peer)
            self._peers[network] -= 1
            if self._peers[network] <= 0:
                del self._peers[network]

    def refused(self, reason: str) -> None:
        _REFUSED.labels(self.name, reason).inc()

    def accepted(self, octets: int) -> None:
        _ACCEPTED.labels(self.name).inc()
        _OCTETS.labels(self.name).inc(octets)

    async def stop(self, patience: float) -> None:
        """Turn all away, but give those whose message is being committed `patience` seconds for their reply."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while self._sessions and loop.time() < until:
            for session in list(self._sessions):
                if not session.committing:
                    session.hang_up(_STOPPING)
            await asyncio.sleep(0.05)


def replace_connections(limits: Limits, of: int) -> Limits:
    """The limits of one of `of` processes; the kernel spreads connections unevenly, hence never below a few."""
    share = max(min(limits.connections_per_peer, 4), limits.connections_per_peer // of)
    return msgspec.structs.replace(limits, connections_per_peer=share)


def server_tls(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """TLS 1.2 and later with our certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, private_key)
    return context


def _network(peer: str) -> str:
    """What counts as one peer: an IPv4 address, or a /64 of IPv6, which one customer has."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.version == 6 and (mapped := address.ipv4_mapped) is not None:
        return str(mapped)
    return peer if address.version == 4 else address.exploded[:19]
