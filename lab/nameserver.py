"""A small authoritative name server for the lab: one JSON zone, all names of the world in it, nothing else exists.

Run as `python -m lab.nameserver --zone FILE --listen 127.0.0.1:PORT` (port 0 takes a free one); prints one line
{"listening": "127.0.0.1:PORT"} once it answers on UDP and TCP. The file is looked at again before each question, so
a change counts at once; a file that became unreadable is reported on stderr and the last good zone stays. With
--forward HOST:PORT another server is asked for the names that the zone does not have.
RFC 1035 (messages, TCP, truncation), RFC 2308 (SOA in negative answers), RFC 6891 (size of answers only).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.names import client, dns
from twisted.names.error import DNSNameError
from twisted.names.server import DNSServerFactory

from lab.tether import tether
from lab.zone import Answer, BadZoneError, Fault, Zone, plain, read_zone

_dns: Any = dns  # its record classes are not annotated
_reactor: Any = reactor  # a module that becomes an object at run time
_OPT: Final = 41
_PATIENCE: Final = (1, 3)  # seconds for the first and the second question to another server
_UDP: Final = 512  # octets of an answer to who did not say more (RFC 1035 §4.2.1)


class Follower:
    """The zone of a file as it is now."""

    def __init__(self, path: Path) -> None:
        """Reads the file; raises BadZoneError when the first zone cannot be served."""
        self._path = path
        self._seen = _mark(path)
        self._zone = read_zone(path)

    def zone(self) -> Zone:
        """The zone, read again when the file changed."""
        seen = _mark(self._path)
        if seen != self._seen:
            self._seen = seen
            try:
                self._zone = read_zone(self._path)
            except BadZoneError as error:
                print(f"keeping the last good zone: {error}", file=sys.stderr, flush=True)
        return self._zone


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What changes with the file: time, length, inode; None while it is away."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


class Server(DNSServerFactory):
    """Answers each question from the follower's zone."""

    def __init__(self, follower: Follower, elsewhere: Any = None) -> None:
        """Serves what the follower holds; `elsewhere` resolves the other names, None: there are none."""
        super().__init__()  # type: ignore[no-untyped-call]  # twisted.names.server has no annotations
        self._follower = follower
        self._elsewhere = elsewhere

    def handleQuery(self, message: dns.Message, protocol: Any, address: tuple[str, int] | None) -> None:  # noqa: N802 (Twisted's name)
        """Answer one query, or keep silent where the zone says so."""
        zone, question = self._follower.zone(), message.queries[0]
        name = str(question.name)
        fault = zone.faults.get(plain(name))
        if fault is Fault.TIMEOUT:
            return
        reply, answer = _empty(message), zone.answer(name, question.type)
        if fault is Fault.SERVFAIL:
            reply.rCode = dns.ESERVER
        elif not answer.exists and self._elsewhere is not None:
            self._ask_elsewhere(question, reply).addBoth(lambda _: _send(reply, message, protocol, address))
            return
        else:
            _fill(reply, answer, zone.ttl)
        _send(reply, message, protocol, address)

    def _ask_elsewhere(self, question: dns.Query, reply: dns.Message) -> Any:
        """Fill the reply with what the other server says; one that says nothing is SERVFAIL."""

        def told(sections: Any) -> None:
            reply.answers, reply.authority, _ = sections

        def refused(failure: Any) -> None:
            reply.rCode = dns.ENAME if failure.check(DNSNameError) else dns.ESERVER

        return self._elsewhere.query(question, timeout=_PATIENCE).addCallbacks(told, refused)


def _send(reply: dns.Message, message: dns.Message, protocol: Any, address: tuple[str, int] | None) -> None:
    _fit(reply, message, stream=address is None)
    protocol.writeMessage(reply, *(() if address is None else (address,)))


def _empty(message: dns.Message) -> dns.Message:
    reply = dns.Message(id=message.id, answer=1, opCode=message.opCode, recDes=message.recDes, recAv=1, auth=True)
    reply.maxSize = 0
    reply.queries = message.queries
    return reply


def _fill(reply: dns.Message, answer: Answer, ttl: int) -> None:
    reply.answers = [
        dns.RRHeader(owner.encode(), kind, dns.IN, ttl, _dns.UnknownRecord(data, ttl), auth=True)
        for owner, kind, data in answer.records
    ]
    if not answer.exists:
        reply.rCode = dns.ENAME
    if not reply.answers:
        soa = _dns.Record_SOA(b"ns.lab.test", b"hostmaster.lab.test", 1, 3600, 600, 86400, ttl, ttl)
        reply.authority = [dns.RRHeader(b"", dns.SOA, dns.IN, ttl, soa, auth=True)]


def _fit(reply: dns.Message, message: dns.Message, *, stream: bool) -> None:
    """Leave out what a datagram does not carry and say so; the asker comes back over TCP."""
    limit = max((_payload(record) for record in message.additional), default=_UDP)
    if not stream and len(reply.toStr()) > limit:
        reply.answers, reply.trunc = [], 1


def _payload(record: dns.RRHeader) -> int:
    """Octets the asker takes in a datagram: the class of its OPT record (RFC 6891 §6.1.2)."""
    return max(record.cls, _UDP) if record.type == _OPT else _UDP


def listen(server: Server, host: str, port: int) -> int:
    """Listen on UDP and TCP at one port and return it; a free one for 0. Raises CannotListenError."""
    for _ in range(20):
        stream = _reactor.listenTCP(port, server, interface=host)
        taken = int(stream.getHost().port)
        try:
            _reactor.listenUDP(taken, _dns.DNSDatagramProtocol(server), interface=host)
        except CannotListenError:
            stream.stopListening()
            if port:
                raise
        else:
            return taken
    raise OSError(f"no port of {host} is free on both UDP and TCP")


def _elsewhere(server: str | None) -> Any:
    """A resolver that asks that server; ValueError where it is no HOST:PORT."""
    if server is None:
        return None
    host, _, port = server.rpartition(":")
    return client.Resolver(servers=[(host, int(port))])  # type: ignore[no-untyped-call]  # no annotations there


def _end_once() -> None:
    """SIGTERM and Ctrl-C end the reactor, and one after the other is no error: a group and a parent may both say it."""

    def stop() -> None:
        with suppress(ReactorNotRunning):
            _reactor.stop()

    def told(*_: object) -> None:
        # Blocked and not ignored: Python tells of a signal that came before it was ignored.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
        _reactor.callFromThread(stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, told)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM; 1 when the zone or the address cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m lab.nameserver", description="Serve one zone from a JSON file.")
    parser.add_argument("--zone", type=Path, required=True, help="the zone, a JSON file")
    parser.add_argument("--listen", default="127.0.0.1:0", help="HOST:PORT on loopback, port 0 for a free one")
    parser.add_argument("--forward", metavar="HOST:PORT", help="the name server that knows all other names")
    options = parser.parse_args(arguments)
    tether()
    host, _, port = str(options.listen).rpartition(":")
    try:
        taken = listen(Server(Follower(options.zone), _elsewhere(options.forward)), host, int(port))
    except (BadZoneError, CannotListenError, OSError, ValueError) as error:
        print(f"the name server cannot start: {error}", file=sys.stderr)
        return 1
    _end_once()
    os.write(1, (json.dumps({"listening": f"{host}:{taken}"}) + "\n").encode())
    _reactor.run(installSignalHandlers=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
