"""The IMAP role: listens on 143 ("imap") and 993 ("imaps"), serves until SIGTERM (RFC 3501, RFC 8314).

The reactor is made inside `run`, in the process that will run it: roles are forked from a parent that has imported
everything else, what a reactor is made of too (each process importing that had 2.5 MB of its own). N processes share
the ports and divide what a peer may have. On SIGTERM every session hears BYE after the command it is in; after GOODBYE
seconds the rest is cut, the journal commits what waits, `run` returns.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL
from OpenSSL.crypto import X509, PKey
from twisted.internet.default import install as install_reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from imap.budget import Budget
from imap.crew import Crew
from imap.login import SignIn, network_of
from imap.notify import Notifier
from imap.prompt import PromptServer
from imap.protocol import Connection
from imap.returns import Returns
from imap.session import Backing, Session
from imap.snapshots import Snapshots
from imap.surroundings import Surroundings
from imap.wire import Limits
from role.context import Context
from role.metrics_port import Pulse, serve_metrics
from role.peer import peer_address
from role.renewal import Renewal
from role.share import share

BACKLOG: Final = 512
THREADS: Final = 8  # in which commands read and compute; writes queue in the journal
LARGE_MAILS: Final = 6  # of the largest size, that may be on their way in at once, to all processes
LINE: Final = 65_536  # octets of a command's line after the sign-in
LITERAL: Final = 65_536  # octets of a literal that is no mail
GOODBYE: Final = 3.0  # seconds


class Refusing(TwistedProtocol):
    """For a peer that has too many connections already."""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        transport: Any = self.transport  # Twisted's interfaces are not typed
        transport.write(b"* BYE [LIMIT] too many connections from your address\r\n")
        transport.loseConnection()


class Sessions(Factory):
    """The connections of one listener; `peers` counts those of all listeners by network."""

    noisy = False

    def __init__(self, backing: Backing, around: Surroundings, peers: Counter[str], most: int, secure: bool) -> None:
        self._backing = backing
        self._around = around
        self._peers = peers
        self._most = most
        self._secure = secure
        self.open: set[Connection] = set()
        self._emptied: Deferred[None] | None = None
        self._closed = self._lost  # one bound method for all

    def buildProtocol(self, addr: IAddress | None) -> TwistedProtocol:  # noqa: N802 - Twisted's name
        peer = peer_address(str(getattr(addr, "host", "local")))
        network = network_of(peer)
        if self._emptied is not None or self._peers[network] >= self._most:
            return Refusing()
        self._peers[network] += 1
        connection = Connection(Session(self._backing, peer, self._secure), self._around, self._closed)
        self.open.add(connection)
        return connection

    def _lost(self, connection: Connection) -> None:
        network = network_of(connection.peer)
        self._peers[network] -= 1
        if not self._peers[network]:
            del self._peers[network]
        self.open.discard(connection)
        self._emptied_or_not()

    def shut_down(self) -> Deferred[None]:
        """Fires when nobody is connected any more."""
        self._emptied = Deferred()
        for connection in list(self.open):
            connection.shut_down()
        emptied = self._emptied
        self._emptied_or_not()
        return emptied

    def cut(self) -> None:
        for connection in list(self.open):
            connection.cut()

    def _emptied_or_not(self) -> None:
        if self._emptied is not None and not self.open and not self._emptied.called:
            self._emptied.callback(None)


def run(context: Context) -> None:
    """Serve until SIGTERM."""
    install_reactor()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    tls = RenewableTls(context.certificate, context.private_key)
    returns = Returns(lambda raised: context.log.error("imap.connection", raised=raised))
    crew = Crew(returns.put, THREADS)
    notifier = Notifier(context.stores.mail.database, returns.put, context.log)
    sign_in = SignIn(context.stores, context.vault, time.monotonic, context.of)
    around = Surroundings(
        reactor,
        crew,
        notifier,
        lambda command, raised: context.log.error("imap.command", raised=raised, command=command),
        tls,
        Budget(-(-LARGE_MAILS // context.of) * context.settings.limits.message_bytes),
        # A database beyond a socket may let us wait: then not even a brief command is stepped by the reactor.
        in_threads=context.stores.mail.database.postgresql,
    )
    listeners = _listen(context, reactor, _backing(context, sign_in), around)
    pulse = Pulse()
    if "metrics" in context.sockets:
        serve_metrics(context.sockets["metrics"], pulse)

    def begin() -> None:
        reactor.addReader(returns)
        crew.start()
        notifier.start()
        _beat(reactor, pulse, Renewal(context.certificate, tls.renew, context.log))
        context.ready()

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: _goodbye(reactor, listeners))
    try:
        reactor.run()
    finally:
        notifier.stop()
        sign_in.close()
        crew.stop()
        context.stores.close()


def tls_options(certificate: Path, private_key: Path) -> CertificateOptions:
    """TLS 1.2 and later with that chain. ValueError or OSError names what cannot be read."""
    chain = [X509.from_cryptography(each) for each in load_pem_x509_certificates(certificate.read_bytes())]
    key = load_pem_private_key(private_key.read_bytes(), password=None)
    return CertificateOptions(
        privateKey=PKey.from_cryptography_key(key),  # type: ignore[arg-type]  # whatever a certificate may have
        certificate=chain[0],
        extraCertChain=chain[1:],
    )


class RenewableTls(CertificateOptions):
    """The TLS context of the listeners. OpenSSL fixes one at its first use, so a renewed certificate makes another."""

    def __init__(self, certificate: Path, private_key: Path) -> None:
        super().__init__()
        self._files = (certificate, private_key)
        self.renew()

    def renew(self) -> None:
        """Each handshake from now on shows what the files have now. Raises where they do not fit."""
        options = tls_options(*self._files)
        options.getContext().check_privatekey()
        self._current = options

    def getContext(self) -> SSL.Context:  # noqa: N802 - Twisted's name; it asks for each connection
        return self._current.getContext()


def _backing(context: Context, sign_in: SignIn) -> Backing:
    return Backing(
        stores=context.stores,
        spool=context.spool,
        snapshots=Snapshots(context.stores.mail.database),
        sign_in=sign_in,
        now=lambda: datetime.now(UTC),
        limits=Limits(LINE, LITERAL, context.settings.limits.message_bytes),
        plaintext_login=context.settings.imap.plaintext_login,
        offers_tls=True,
        offers_compression=context.settings.imap.compress,
    )


def _listen(context: Context, reactor: Any, backing: Backing, around: Surroundings) -> list[Sessions]:
    peers: Counter[str] = Counter()
    most = share(context.settings.limits.connections_per_peer, context.of)
    listeners = []
    for name, secure in (("imap", False), ("imaps", True)):
        if name not in context.sockets:
            continue
        listening = context.sockets[name]
        sessions = Sessions(backing, around, peers, most, secure)
        plain: Any = sessions
        factory = _under_tls(around.tls_context, plain) if secure else plain
        listening.setblocking(False)
        listening.listen(BACKLOG)
        reactor.adoptStreamPort(listening.fileno(), listening.family, factory).transport = PromptServer
        listeners.append(sessions)
    return listeners


def _under_tls(context: Any, plain: Any) -> Any:
    """What a turn writes is joined already: the buffer that Twisted lays over TLS would only take memory and a turn."""
    factory = TLSMemoryBIOFactory(context, False, plain)
    factory.protocol = TLSMemoryBIOProtocol
    return factory


def _beat(reactor: Any, pulse: Pulse, renewal: Renewal) -> None:
    pulse.beat()
    renewal.look()
    reactor.callLater(1.0, _beat, reactor, pulse, renewal)


def _goodbye(reactor: Any, listeners: list[Sessions]) -> Deferred[None]:
    """Fires when all have left, or were cut."""
    finished: Deferred[None] = Deferred()
    left = len(listeners)

    def one_emptied(_: None) -> None:
        nonlocal left
        left -= 1
        if left == 0 and not finished.called:
            finished.callback(None)

    def cut() -> None:
        for sessions in listeners:
            sessions.cut()
        if not finished.called:
            finished.callback(None)

    for sessions in listeners:
        sessions.shut_down().addCallback(one_emptied)
    reactor.callLater(GOODBYE, cut)
    return finished
