"""A raw IMAP client: what is said is exactly what is sent. Knows no code of ours, so the benches use it too."""

from __future__ import annotations

import socket
import ssl


class Talk:
    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))
        self._buffer = b""

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def line(self) -> bytes:
        """The next line, literals and all; b"" where the other side has closed."""
        line = self._upto_newline()
        while line.endswith(b"}\r\n"):
            size = int(line[line.rindex(b"{") + 1 : -3])
            while len(self._buffer) < size:
                self._receive()
            line, self._buffer = line + self._buffer[:size], self._buffer[size:]
            line += self._upto_newline()
        return line

    def until(self, tag: bytes) -> list[bytes]:
        """All lines up to the one with this tag, without their CRLF."""
        lines = []
        while line := self.line():
            lines.append(line.removesuffix(b"\r\n"))
            if line.startswith(tag + b" "):
                break
        return lines

    def say(self, command: bytes) -> list[bytes]:
        """A tagged command; everything that is answered up to its tagged line."""
        self.send(command + b"\r\n")
        return self.until(command.split(b" ", 1)[0])

    def encrypt(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def closed(self) -> bool:
        """Whether the other side closes, however much it says before that."""
        try:
            while self.line():
                pass
        except ConnectionError:
            return True
        return True

    def close(self) -> None:
        self.socket.close()

    def _upto_newline(self) -> bytes:
        while b"\n" not in self._buffer:
            if not self._receive():
                line, self._buffer = self._buffer, b""
                return line
        end = self._buffer.index(b"\n") + 1
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def _receive(self) -> bool:
        octets = self.socket.recv(65536)
        self._buffer += octets
        return bool(octets)
