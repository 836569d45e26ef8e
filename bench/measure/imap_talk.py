"""A client of the benches: says a command, reads octets until its tagged line, counts, and does no more than that."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final

_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    octets: bytes
    seconds: float


class ImapTalk:
    def __init__(self, port: int, login: str, password: str, tls: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._count = 0
        self.socket.recv(4096)
        self.say(f"LOGIN {login} {password}".encode())

    def say(self, command: bytes) -> Answer:
        """AssertionError where it is not OK."""
        began = time.perf_counter()
        octets = self.finish(self.begin(command))
        return Answer(octets, time.perf_counter() - began)

    def begin(self, command: bytes) -> bytes:
        """Send it; its tag. Several may be under way."""
        self._count += 1
        tag = b"t%d" % self._count
        self.socket.sendall(b"%b %b\r\n" % (tag, command))
        return tag

    def finish(self, tag: bytes) -> bytes:
        """All that comes up to the end of the tagged line."""
        pieces: list[bytes] = []
        tail = b""
        mark = b"\r\n" + tag + b" "
        while True:
            piece = self.socket.recv(_PIECE)
            assert piece, "the server has closed the connection"
            pieces.append(piece)
            tail = (tail + piece)[-2000:]
            if tail.endswith(b"\r\n") and (mark in tail or tail.startswith(tag + b" ")):
                break
        answer = b"".join(pieces)
        said = answer[answer.rfind(tag + b" ") :]
        assert said.startswith(tag + b" OK"), said[:200]
        return answer

    def close(self) -> None:
        self.socket.close()
