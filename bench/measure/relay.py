"""Postfix as a relay, as Debian ships it: takes mail over SMTP, writes it to its queue, passes it to the sinks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator, Mapping

from peers.loopback import answers
from peers.postfix_instance import Instance

_SETTINGS = """\
myhostname = relay.bench.test
mynetworks = 127.0.0.0/8
transport_maps = hash:{folder}/etc/transport
smtp_helo_name = relay.bench.test
"""
_WRITERS = 10  # connections that hand mail in


class Relay:
    def __init__(self, port: int, hosts: Mapping[str, tuple[str, int]]) -> None:
        """`hosts`: where the mail of each domain goes."""
        self._port = port
        self._instance = Instance(_SETTINGS, f"127.0.0.1:{port} inet n - n - - smtpd\n")
        self._instance.map("transport", {domain: f"smtp:[{host}]:{at}" for domain, (host, at) in hosts.items()})

    def start(self) -> None:
        self._instance.start(lambda: answers("127.0.0.1", self._port))

    @property
    def pid(self) -> int:
        return self._instance.pid

    def stop(self) -> None:
        self._instance.stop()

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
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
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
