"""What all connections of one listener share in one process: its limits, who is connected, its counters.

On the loop, no locks. Called by mta/smtp_dialogue for each connection, by the daemons at start and stop.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, Protocol

from prometheus_client import Counter, Gauge

from mta.peer_limits import Bounds, PeerLimits
from policy.gcra import Rate, parse_rate
from role.log import EventLog
from role.share import share
from store.settings import Limits

_SESSIONS: Final = Counter("mailloft_smtp_sessions", "Connections taken", ["listener"])
_OPEN: Final = Gauge("mailloft_smtp_open_sessions", "Connections open now", ["listener"])
_REFUSED: Final = Counter("mailloft_smtp_refused", "Refused, by reason", ["listener", "reason"])
_ACCEPTED: Final = Counter("mailloft_smtp_accepted", "Messages answered with 250", ["listener"])
_OCTETS: Final = Counter("mailloft_smtp_accepted_octets", "Octets of those messages", ["listener"])
_TOO_MANY: Final = "421 4.7.0 Too many connections from your address"
_STOPPING: Final = "421 4.3.2 Stopping, try again in a moment"


class Session(Protocol):
    """What a listener knows of each connection; the times are those of the loop."""

    peer: str
    began_at: float
    heard_at: float
    committing: bool
    receiving: bool

    def hang_up(self, reply: str) -> None: ...


class Listener:
    """`name` in log and metrics; `of` processes share the port and divide the limits that a peer has."""

    def __init__(
        self, name: str, hostname: str, limits: Limits, of: int, tls: ssl.SSLContext, log: EventLog,
        proxies: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """`proxies`: the networks whose peers send a PROXY header. ValueError where a limit is no rate."""
        self.name = name
        self.hostname = hostname
        self.limits = limits
        self.tls = tls
        self.log = log
        self.penalty = 0.5  # seconds that a refusal waits once a peer has had its free errors
        self._proxies = [ip_network(one) for one in proxies]
        self._sessions: set[Session] = set()
        self._peers = PeerLimits(bounds(limits, of))
        self._stopping = False
        self._watching: asyncio.Task[None] | None = None

    def is_proxy(self, peer: str) -> bool:
        if not self._proxies:
            return False
        address = ip_address(peer.partition("%")[0])
        return any(address in network for network in self._proxies)

    def admit(self, session: Session) -> str | None:
        """The reply that turns this connection away, or None."""
        if self._stopping:
            return _STOPPING
        if (over := self._peers.enter(session.peer, session.began_at)) is not None:
            self.refused(over)
            return _TOO_MANY
        self._sessions.add(session)
        _SESSIONS.labels(self.name).inc()
        _OPEN.labels(self.name).inc()
        return None

    def leave(self, session: Session) -> None:
        self._sessions.discard(session)
        _OPEN.labels(self.name).dec()
        self._peers.leave(session.peer)

    def guessed(self, peer: str) -> None:
        """It named a recipient that does not exist: who goes on so is answered slowly (spec/SECURITY 19)."""
        self._peers.guess(peer, asyncio.get_running_loop().time())

    def is_guessing(self, peer: str) -> bool:
        return self._peers.is_guessing(peer, asyncio.get_running_loop().time())

    def refused(self, reason: str) -> None:
        _REFUSED.labels(self.name, reason).inc()

    def accepted(self, octets: int) -> None:
        _ACCEPTED.labels(self.name).inc()
        _OCTETS.labels(self.name).inc(octets)

    def start(self) -> None:
        """On the loop, before the first connection."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        """For ever: let those go who are silent, or have been here for too long without a message."""
        idle, whole = self.limits.idle.total_seconds(), self.limits.session.total_seconds()
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, idle / 2, whole / 2))
            now = loop.time()
            for session in [one for one in self._sessions if not one.committing]:
                if now - session.heard_at > idle:
                    self.refused("idle")
                    session.hang_up("421 4.4.2 Idle for too long, closing")
                elif now - session.began_at > whole and not session.receiving:
                    self.refused("loiter")
                    session.hang_up("421 4.4.2 This session has lasted long enough, connect again")

    async def stop(self, patience: float) -> None:
        """Turn all away, but give those whose message is being committed `patience` seconds for their reply."""
        self._stopping = True
        if self._watching is not None:
            self._watching.cancel()
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while self._sessions and loop.time() < until:
            for session in list(self._sessions):
                if not session.committing:
                    session.hang_up(_STOPPING)
            await asyncio.sleep(0.05)


def bounds(limits: Limits, of: int) -> Bounds:
    """Of one of `of` processes."""
    rates = [parse_rate(text) for text in (limits.connection_rate, limits.network_connection_rate, limits.guesses)]
    shares = [Rate(rate.count / of, rate.seconds) for rate in rates]
    return Bounds(share(limits.connections_per_peer, of), share(limits.connections_per_network, of), *shares)


def server_tls(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """TLS 1.2 and later with our certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, private_key)
    return context
