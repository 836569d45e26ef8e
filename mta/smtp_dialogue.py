"""One connection of a listener of ours below the SMTP commands: octets and lines in, replies out, TLS, PROXY header.

I/O, one object a connection, on the loop. mta/smtp_server subclasses it and converses. A protocol of our own, since
aiosmtpd's costs 145 us and 6 KiB a connection before the first octet (docs/design.md).
Octets that a peer pipelined behind STARTTLS are dropped unread (RFC 3207 §4.2: a command injected there would run as
if it had come through TLS). Silence and dripping end by the listener's clock: `heard_at` moves with whole commands and
blocks, never with octets of half a command. Crash case: none here.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Final, cast

from mta.proxy_header import BadHeader, read_header
from mta.smtp_listener import Listener
from role.peer import peer_address

_REPLY_LINE: Final = 510  # octets before the line end
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
LINE: Final = 2048  # octets of a command; RFC 5321 asks for 512 and what the extensions add
_HIGH: Final = 64 * 1024  # octets that wait in the buffer before the peer is made to wait
_HANDSHAKE: Final = 20.0  # seconds
_HEADER: Final = 5.0  # seconds for a PROXY header
_FREE_ERRORS: Final = 5  # after which every refusal is answered half a second later


class LineTooLong(Exception):  # noqa: N818 - a peer's mistake, not an error of ours
    """A command of more than LINE octets; it has been read to its end."""


class Dialogue(asyncio.Protocol):
    """`peer` is the client's IP address: the connection's own, or what a trusted proxy says."""

    def __init__(self, listener: Listener, secured: bool = False) -> None:
        """`secured`: the port speaks TLS from the first octet."""
        self.loop = asyncio.get_running_loop()
        self.listener = listener
        self.peer = ""
        self.secured = secured
        self.committing = False
        self.receiving = False  # a message, which has a pace of its own to keep
        self.closing = False
        self.heard_at = self.began_at = self.loop.time()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._buffer = bytearray()
        self._ended = False
        self._stopped_reading = False
        self._more: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._admitted = False
        self._errors = 0

    async def converse(self) -> None:
        """The whole session, from the greeting until the peer or we are done."""
        raise NotImplementedError

    # --- asyncio.Protocol ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are registered with no base class of asyncio's, so no isinstance here.
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = peer_address(str(name[0])) if name else ""
        # Behind TLS from the first octet no header can come.
        proxied = not self.secured and self.listener.is_proxy(self.peer)
        if proxied or self._enter():
            self._task = self.loop.create_task(self._serve(proxied))

    def data_received(self, octets: bytes) -> None:
        self._buffer += octets
        if len(self._buffer) > _HIGH and not self._stopped_reading and self._transport is not None:
            self._stopped_reading = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """What came before is answered, where TLS does not forbid."""
        self._ended = True
        self._wake()
        return not self.secured

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = self.closing = True
        if self._admitted:
            self._admitted = False
            self.listener.leave(self)
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    # --- a session ----------------------------------------------------------------------------------------

    def _enter(self) -> bool:
        """Whether the listener lets this peer in; else it is told why."""
        refusal = self.listener.admit(self)
        if refusal is None:
            self._admitted = True
            return True
        self.hang_up(refusal)
        return False

    async def _serve(self, proxied: bool) -> None:
        try:
            if proxied and not (await self._proxied() and self._enter()):
                return
            await self.converse()
        except ConnectionError:
            pass
        finally:
            self.close()

    async def _proxied(self) -> bool:
        """Take the client's address from the header of a trusted proxy; without one nothing is said."""
        try:
            async with asyncio.timeout(_HEADER):
                while (header := read_header(self._buffer)) is None:
                    if not await self._wait():
                        return False
        except (BadHeader, TimeoutError) as error:
            self.listener.refused("proxy_header")
            self.listener.log.warning("no PROXY header", peer=self.peer, words=str(error))
            return False
        del self._buffer[: header.octets]
        self.peer = header.address or self.peer
        return True

    async def start_tls(self) -> bool:
        """What came in clear and was not read yet is nobody's word any more."""
        if self._buffer:
            self.listener.refused("pipelined_starttls")
            self.listener.log.warning("octets behind STARTTLS dropped", peer=self.peer)
            self._buffer.clear()
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        self.secured = True
        try:
            secure = await self.loop.start_tls(
                transport, self, self.listener.tls, server_side=True, ssl_handshake_timeout=_HANDSHAKE
            )
        except (ssl.SSLError, OSError) as error:
            self.listener.log.info("tls failed", peer=self.peer, words=str(error))
            self.close()
            return False
        if secure is None:
            return False
        self._transport, self._stopped_reading = secure, False
        return True

    # --- octets in ----------------------------------------------------------------------------------------

    async def line(self) -> bytes | None:
        """The next command without its end; None at the end of all. LineTooLong."""
        start = 0
        while (at := self._buffer.find(b"\n", start)) < 0:
            if len(self._buffer) > LINE:
                await self._pass_over_line()
                raise LineTooLong
            start = len(self._buffer)
            if not await self._wait():
                return None
        line = bytes(self._buffer[:at]).rstrip(b"\r\n")
        del self._buffer[: at + 1]
        self.heard_at = self.loop.time()
        if at > LINE:
            raise LineTooLong
        return line

    async def _pass_over_line(self) -> None:
        while (at := self._buffer.find(b"\n")) < 0:
            self._buffer.clear()
            if not await self._wait():
                return
        del self._buffer[: at + 1]

    async def block(self) -> bytes:
        """All that is there, b"" at the end."""
        if not self._buffer and not await self._wait():
            return b""
        octets = bytes(self._buffer)
        self._buffer.clear()
        self.heard_at = self.loop.time()
        return octets

    def put_back(self, octets: bytes) -> None:
        """They are read again, before what has come since."""
        self._buffer[:0] = octets

    async def _wait(self) -> bool:
        """Until there is more; False where nothing more can come."""
        if self._stopped_reading and self._transport is not None:
            self._stopped_reading = False
            self._transport.resume_reading()
        if self._ended:
            return False
        had = len(self._buffer)
        self._more = self.loop.create_future()
        try:
            await self._more
        finally:
            self._more = None
        return len(self._buffer) > had

    # --- replies out --------------------------------------------------------------------------------------

    async def push(self, reply: str) -> None:
        """Send a reply; refusals are counted and, after the first few, or for a peer that guesses, slowed."""
        if reply.startswith("5"):
            self._errors += 1
            if self._errors > _FREE_ERRORS or self.listener.is_guessing(self.peer):
                await asyncio.sleep(self.listener.penalty)
        self._write(reply)
        if self._writable is not None:
            await self._writable
        if self._errors >= self.listener.limits.errors:
            self.listener.refused("too_many_errors")
            self.hang_up("421 4.7.0 Too many errors, closing")

    def hang_up(self, reply: str) -> None:
        """Say `reply` and close: the clean stop, and a peer that is silent for too long."""
        if not self.closing:
            self._write(reply)
            self.close()

    def close(self) -> None:
        self.closing = self._ended = True
        if self._transport is not None:
            self._transport.close()
        self._wake()

    def _write(self, reply: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(map(_line, reply.split("\r\n"))))


def _line(words: str) -> bytes:
    """One line of a reply (RFC 5321 §4.5.3.1.5): what it quotes of a peer ends no line and makes none too long."""
    return _CONTROLS.sub("?", words).encode()[:_REPLY_LINE] + b"\r\n"
