"""Postfix as a relay, tuned for throughput: takes mail over SMTP, writes it to its queue, passes it to the sinks.

Alone, or with a milter that signs (measure/signers). Its queue is durable as Debian ships it; what is tuned is
printed with the result: 50 connections a destination from the start, kept sessions, one recipient a message.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from measure.signers import SELECTOR, Signer, available
from peers.loopback import answers, free_port
from peers.postfix_instance import Instance

_SETTINGS = """\
myhostname = relay.bench.test
mynetworks = 127.0.0.0/8
transport_maps = hash:{folder}/etc/transport
smtp_helo_name = relay.bench.test
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C LD_PRELOAD
"""
TUNED: Final = """\
initial_destination_concurrency = 50
default_destination_concurrency_limit = 50
smtp_destination_recipient_limit = 1
smtp_connection_cache_destinations = static:all
in_flow_delay = 0
qmgr_message_active_limit = 50000
"""
_SIGNED = """\
smtpd_milters = unix:{socket}
milter_default_action = tempfail
milter_protocol = 6
"""
_WRITERS = 50  # connections that hand mail in


PEERS: Final = {"postfix": None, "postfix+rspamd": "rspamd", "postfix+opendkim": "opendkim"}


class Relay:
    def __init__(self, name: str, domain: str, hosts: Mapping[str, tuple[str, int]]) -> None:
        """`name` is one of PEERS; `domain` whose mail is signed; `hosts`: where the mail of each domain goes."""
        self.port = free_port()
        self._domain = domain
        milter = PEERS[name]
        self._signer = Signer(milter, domain) if milter else None
        signed = _SIGNED.replace("{socket}", str(self._signer.socket)) if self._signer else ""
        self._instance = Instance(_SETTINGS + TUNED + signed, f"127.0.0.1:{self.port} inet n - n - - smtpd\n")
        self._instance.map("transport", {domain: f"smtp:[{host}]:{at}" for domain, (host, at) in hosts.items()})
        self._instance.start(lambda: answers("127.0.0.1", self.port))

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that all of this side come from."""
        return (self._instance.pid, self._signer.pid) if self._signer else (self._instance.pid,)

    @property
    def signatures(self) -> int:
        return 1 if self._signer else 0

    def keys(self) -> dict[str, bytes]:
        """The TXT records that a verifier asks for, by name."""
        return {f"{SELECTOR}._domainkey.{self._domain}": self._signer.record} if self._signer else {}

    def log(self) -> str:
        return self._instance.log()

    def stop(self) -> None:
        self._instance.stop()
        if self._signer:
            self._signer.stop()

    def hand_in(self, mails: Iterable[tuple[str, bytes]]) -> None:
        """Give it all of (forward-path, dot-stuffed content) over several pipelined connections, each 250 awaited."""
        source, lock = iter(mails), threading.Lock()
        raised: list[BaseException] = []

        def write() -> None:
            try:
                self._write(_shared(source, lock))
            except BaseException as error:  # noqa: BLE001 - told to the thread that waits
                raised.append(error)

        threads = [threading.Thread(target=write) for _ in range(_WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if raised:
            raise raised[0]

    def _write(self, mails: Iterator[tuple[str, bytes]]) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            lines = connection.makefile("rb")
            _expect(lines.readline, b"220")
            connection.sendall(b"EHLO driver.bench.test\r\n")
            _expect(lines.readline, b"250")
            for forward_path, content in mails:
                envelope = f"MAIL FROM:<bounce@bench.test>\r\nRCPT TO:<{forward_path}>\r\nDATA\r\n"
                connection.sendall(envelope.encode())
                for code in (b"250", b"250", b"354"):
                    _expect(lines.readline, code)
                connection.sendall(content + b".\r\n")
                _expect(lines.readline, b"250")
            connection.sendall(b"QUIT\r\n")


def missing(name: str) -> str | None:
    """The program that this peer lacks here."""
    milter = PEERS[name]
    return milter if milter and not available(milter) else None


def _shared(source: Iterator[tuple[str, bytes]], lock: threading.Lock) -> Iterator[tuple[str, bytes]]:
    while True:
        with lock:
            mail = next(source, None)
        if mail is None:
            return
        yield mail


def _expect(readline, code: bytes) -> None:
    line: bytes = readline()
    while line[3:4] == b"-":
        line = readline()
    if not line.startswith(code):
        raise AssertionError(f"Postfix said {line!r} where {code!r} was due")
