"""The whole SMTP session, on a socket: command lines in any order and any blocks, at every state, to the end.

The listener is ours without the store: any address is taken, what was taken is looked at. Promises: every reply is a
three-digit line, the session ends when the peer has gone, no error of ours is logged, and no content that was taken
holds a bare CR or LF (smuggling). TLS is not spoken here; behind STARTTLS come octets that are none.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Any, Final

from fuzz.target import Target

from mail.address import Address
from mail.crlf import has_bare_newline
from mta.smtp_command import Envelope
from mta.smtp_listener import Listener
from mta.smtp_server import SmtpServer
from role.log import EventLog
from store.settings import Limits

_REPLY: Final = re.compile(rb"(?:[2-5]\d\d[ -][^\r\n]{0,600}\r\n)*")
_PATIENCE: Final = 10.0
_BLOCK: Final = 500

WHOLE: Final = (
    b"EHLO site.example\r\nMAIL FROM:<ann@site.example> SIZE=20\r\nRCPT TO:<bob@ours.example>\r\nDATA\r\n"
    b"Subject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n"
)
CHUNKS: Final = (
    b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@ours.example>\r\nBDAT 5\r\nabc\r\nBDAT 3 LAST\r\nx\r\nRSET\r\n"
    b"VRFY bob\r\nQUIT\r\n"
)
PIECES: Final = [
    b"\r\n", b"\n", b"\r", b".", b".\r\n", b"\r\n.\r\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\0", b"\xff", b" ",
    b"EHLO a\r\n", b"HELO a\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@ours.example>\r\n", b"DATA\r\n",
    b"RSET\r\n", b"NOOP\r\n", b"HELP\r\n", b"VRFY a\r\n", b"EXPN a\r\n", b"STARTTLS\r\n", b"AUTH PLAIN AGEAYg==\r\n",
    b"BDAT 10\r\n", b"BDAT 0 LAST\r\n", b"BDAT 99999999999999999999\r\n", b"QUIT\r\n", b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00\x01", b"MAIL FROM:<", b"X" * 3000, "MAIL FROM:<ü@ü.example> SMTPUTF8\r\n".encode(),
]  # fmt: skip


class _Log(EventLog):
    def __init__(self) -> None:
        super().__init__("fuzz")
        self.errors: list[str] = []

    def error(self, event: str, *, raised: BaseException | None = None, **fields: Any) -> None:
        self.errors.append(f"{event}: {raised!r}")

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        pass


class _Session(SmtpServer[Address]):
    taken: list[bytes]

    async def judge_sender(self, mail: Envelope) -> str | None:
        return None

    async def judge_recipient(self, address: Address | None) -> Address | str:
        return address or Address("postmaster", "ours.example")

    async def take_content(self, mail: Envelope, content: bytes) -> str:
        self.taken.append(content)
        return "250 2.0.0 Taken"


class Hall:
    """A listener on a free port, kept for all inputs of this process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.log = _Log()
        self.taken: list[bytes] = []
        limits = Limits(
            connections_per_peer=1000, connections_per_network=1000, connection_rate="600000/min",
            network_connection_rate="600000/min",
        )  # fmt: skip
        self._listener = Listener("fuzz", "ours.example", limits, 1, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.log)
        self._listener.penalty = 0.0
        self._server = self._loop.run_until_complete(self._loop.create_server(self._session, "127.0.0.1", 0))

    def talk(self, octets: bytes) -> bytes:
        return self._loop.run_until_complete(asyncio.wait_for(self._talk(octets), _PATIENCE))

    def _session(self) -> _Session:
        session = _Session(self._listener)
        session.taken = self.taken
        return session

    async def _talk(self, octets: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._server.sockets[0].getsockname())
        try:
            for start in range(0, len(octets), _BLOCK):
                writer.write(octets[start : start + _BLOCK])
                await writer.drain()
            writer.write_eof()
            return await reader.read()
        except ConnectionError:  # it hung up on us, as it may
            return b""
        finally:
            writer.close()


_hall: list[Hall] = []


def _check(octets: bytes) -> None:
    if not _hall:
        _hall.append(Hall())
    hall = _hall[0]
    said = hall.talk(octets)
    assert not hall.log.errors, hall.log.errors.pop()
    assert _REPLY.fullmatch(said) or b"STARTTLS" in octets.upper(), f"no replies: {said[-200:]!r}"
    taken, hall.taken[:] = list(hall.taken), []
    assert not any(has_bare_newline(content) for content in taken), "content with a bare line end was taken"


TARGETS: Final = (Target("smtp session", [WHOLE, CHUNKS], PIECES, _check),)
