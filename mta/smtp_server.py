"""One SMTP connection of a listener of ours: the dialogue that the MX and submission share (RFC 5321).

I/O, one object a connection, on the loop. aiosmtpd keeps the command loop; ours are DATA in blocks with strict CRLF,
STARTTLS by `start_tls` (34 KiB a session where aiosmtpd's own needs 287), the reading of MAIL and RCPT, the limits and
every reply text. A listener subclasses it and decides in `judge_sender`, `judge_recipient` and `take_content`.
Octets that a peer pipelined behind STARTTLS are dropped unread (RFC 3207 §4.2: a command injected there would run as
if it had come through TLS). Crash case: none here; no reply promises anything that `take_content` has not committed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from typing import Any, Final, Generic, TypeVar, cast

from aiosmtpd.smtp import SMTP

from mail.address import Address
from mta.smtp_command import BadCommand, Envelope, read_mail, read_rcpt
from mta.smtp_data import DataStream
from mta.smtp_listener import Listener
from role.peer import peer_address

R = TypeVar("R")
_LINE: Final = 2048  # octets of a command; RFC 5321 asks for 512 and what the extensions add
_BUFFER: Final = 32 * 1024
_BLOCK: Final = 1 << 20  # more than a buffer ever holds, so one read empties it
_FREE_ERRORS: Final = 5  # after which every refusal is answered half a second later
_LAST_ERROR: Final = 15
_QUIET: Final = 1.0  # seconds without an octet, after which a message with forged line ends is answered
_DRAIN: Final = 64 * 1024 * 1024  # octets read past a refusal, so that the peer gets to read it
_SLOWEST: Final = 128  # octets a second over a whole message, once it has had a minute
_HANDSHAKE: Final = 20.0  # seconds


class Courtesy:
    """The replies that are the same everywhere, in the form aiosmtpd asks for them."""

    async def handle_QUIT(self, *_: object) -> str:  # noqa: N802 - the names are aiosmtpd's
        return "221 2.0.0 Bye"

    async def handle_NOOP(self, *_: object) -> str:  # noqa: N802
        return "250 2.0.0 OK"

    async def handle_RSET(self, *_: object) -> str:  # noqa: N802
        return "250 2.0.0 OK"


class SmtpServer(SMTP, Generic[R]):
    """`recipients` are what `judge_recipient` made of those that were accepted, in their order."""

    command_size_limit = _LINE
    line_length_limit = _BUFFER

    def __init__(self, listener: Listener, secured: bool = False) -> None:
        """`secured`: the port speaks TLS from the first octet."""
        self.listener = listener
        self.secured = secured
        self.mail: Envelope | None = None
        self.recipients: list[R] = []
        self.committing = False
        self._errors = 0
        self._admitted = False
        self._began = asyncio.get_running_loop().time()
        super().__init__(
            Courtesy(),
            hostname=listener.hostname,
            ident="ESMTP",
            enable_SMTPUTF8=True,
            data_size_limit=listener.limits.message_bytes,
            timeout=listener.limits.idle.total_seconds(),
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = defaultdict(lambda: _LINE)

    # --- what a listener decides -------------------------------------------------------------------------

    async def judge_sender(self, mail: Envelope) -> str | None:
        """The reply that refuses this reverse-path, or None."""
        raise NotImplementedError

    async def judge_recipient(self, address: Address | None) -> R | str:
        """What the forward-path stands for, or the reply that refuses it; None is the bare `postmaster`."""
        raise NotImplementedError

    async def take_content(self, mail: Envelope, content: bytes) -> str:
        """The reply to a whole message; a 250 only after it is durable."""
        raise NotImplementedError

    def extensions(self) -> list[str]:
        """Further EHLO keywords in this state of the session."""
        return []

    @property
    def peer(self) -> str:
        """The peer's IP address."""
        return peer_address(str(self.session.peer[0])) if self.session and self.session.peer else ""

    @property
    def helo(self) -> str:
        return (self.session.host_name or "") if self.session else ""

    # --- connection ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        refusal = self.listener.admit(self, peer_address(str(peer[0])) if peer else "")
        if refusal is None:
            self._admitted = True
            super().connection_made(transport)
        else:
            _last_words(transport, refusal)

    def connection_lost(self, error: Exception | None) -> None:
        if self._admitted:
            self.listener.leave(self, self.peer)
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._admitted else False

    def hang_up(self, reply: str) -> None:
        """Say `reply` and close: the clean stop, and a peer that is silent for too long."""
        if self.transport is not None and not self.transport.is_closing():
            _last_words(self.transport, reply)

    def _timeout_cb(self) -> None:
        if not self.committing:
            self.hang_up("421 4.4.2 Idle for too long, closing")

    async def push(self, status: Any) -> None:
        """Send a reply; refusals are counted and, after the first few, slowed."""
        if isinstance(status, str) and status.startswith("5"):
            self._errors += 1
            if self._errors > _FREE_ERRORS:
                await asyncio.sleep(self.listener.penalty)
        await super().push(status)
        if self._errors >= _LAST_ERROR:
            self.listener.refused("too_many_errors")
            self.hang_up("421 4.7.0 Too many errors, closing")

    async def handle_exception(self, error: Exception) -> str:
        if not isinstance(error, ConnectionError):
            self.listener.log.error("session failed", raised=error, peer=self.peer)
        return "451 4.3.0 Local error, try again later"

    def _set_rset_state(self) -> None:
        """aiosmtpd calls it at RSET, HELO, EHLO; its own envelope is not used."""
        self.mail = None
        self.recipients = []

    # --- commands -----------------------------------------------------------------------------------------

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self._greeted(hostname, extended=True):
            return
        lines = [
            self.listener.hostname,
            f"SIZE {self.listener.limits.message_bytes}",
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            *([] if self.secured else ["STARTTLS"]),
            *self.extensions(),
        ]
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}"
        await self.push(text)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        if await self._greeted(hostname, extended=False):
            await self.push(f"250 {self.listener.hostname}")

    async def _greeted(self, hostname: str | None, *, extended: bool) -> bool:
        if not hostname or not hostname.isprintable() or len(hostname) > 255:
            await self.push("501 5.5.4 A host name is needed")
            return False
        assert self.session is not None
        self._set_rset_state()
        self.session.host_name = hostname
        self.session.extended_smtp = extended
        return True

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802
        if arg or self.secured:
            await self.push("501 5.5.4 STARTTLS takes no argument" if arg else "503 5.5.1 TLS is there already")
            return
        # No await between the flush and start_tls taking the socket: nothing in clear can come in between.
        self._writer.write(b"220 2.0.0 Ready to start TLS\r\n")
        await self._drop_pipelined()
        try:
            await self._writer.start_tls(self.listener.tls, ssl_handshake_timeout=_HANDSHAKE)
        except (ssl.SSLError, OSError) as error:
            self.listener.log.info("tls failed", peer=self.peer, words=str(error))
            if self.transport is not None:
                self.transport.close()
            return
        self.transport = self._writer.transport
        self._reader._transport = self.transport  # type: ignore[attr-defined]  # flow control; no public way in 3.11
        self.secured = True
        self._set_rset_state()
        assert self.session is not None
        self.session.host_name = None

    async def _drop_pipelined(self) -> None:
        # One octet of our own makes the read return at once with all that is buffered.
        self._reader.feed_data(b"\n")
        if await self._reader.read(_BLOCK) != b"\n":
            self.listener.refused("pipelined_starttls")
            self.listener.log.warning("octets behind STARTTLS dropped", peer=self.peer)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        assert self.session is not None
        if not self.session.host_name or self.mail is not None:
            await self.push("503 5.5.1 Say EHLO first" if not self.session.host_name else "503 5.5.1 Nested MAIL")
            return
        if self.loop.time() - self._began > self.listener.limits.session.total_seconds():
            self.hang_up("421 4.4.2 This session has lasted long enough, connect again")
            return
        try:
            mail = read_mail(
                arg, self.listener.limits.message_bytes, self.session.extended_smtp, "REQUIRETLS" in self.extensions()
            )
        except BadCommand as bad:
            await self.push(bad.reply)
            return
        refusal = await self.judge_sender(mail)
        if refusal is None:
            self.mail = mail
        await self.push(refusal or "250 2.1.0 OK")

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        assert self.session is not None
        if self.mail is None:
            await self.push("503 5.5.1 MAIL comes first")
            return
        if len(self.recipients) >= self.listener.limits.recipients:
            # 452 here is "too many recipients", not "disk full": the rest goes in a further transaction.
            await self.push("452 4.5.3 Too many recipients")
            return
        try:
            address = read_rcpt(arg, self.session.extended_smtp, self.mail.internationalised)
        except BadCommand as bad:
            await self.push(bad.reply)
            return
        verdict = await self.judge_recipient(address)
        if isinstance(verdict, str):
            await self.push(verdict)
        else:
            self.recipients.append(verdict)
            await self.push("250 2.1.5 OK")

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
        elif self.mail is None or not self.recipients:
            await self.push("503 5.5.1 MAIL and a recipient come first")
        else:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._conclude(await self._read_content(), self.mail)

    async def _conclude(self, stream: DataStream, mail: Envelope) -> None:
        if stream.forged:
            self.listener.refused("smuggling")
            self.listener.log.warning("smuggling refused", peer=self.peer, helo=self.helo)
            await self.push("554 5.6.0 Bare CR or LF in the message: refused as SMTP smuggling, end lines with CRLF")
            self.hang_up("421 4.7.0 Closing")
            return
        if not stream.ended or stream.too_large:
            self.listener.refused("too_large" if stream.too_large else "too_slow")
            limit = self.listener.limits.message_bytes
            await self.push(f"552 5.3.4 Message too large: this server takes {limit} octets")
        else:
            await self._deliver(mail, stream.content())
        if not stream.ended:
            self.hang_up("421 4.7.0 Closing")
        self._set_rset_state()

    async def _deliver(self, mail: Envelope, content: bytes) -> None:
        self.committing = True
        try:
            reply = await self.take_content(mail, content)
        finally:
            self.committing = False
        self._reset_timeout()
        await self.push(reply)

    async def _read_content(self) -> DataStream:
        """All of it, or what came until it was clear that it is refused; the peer's time starts anew at each block."""
        stream, began = DataStream(self.listener.limits.message_bytes), self.loop.time()
        while not stream.ended and stream.size < self.listener.limits.message_bytes + _DRAIN:
            block = await self._next_block(stream.forged)
            if not block:
                break
            self._reset_timeout()
            behind = stream.feed(block)
            if behind:
                self._reader.feed_data(behind)  # the buffer is empty: pipelined commands keep their order
            elapsed = self.loop.time() - began
            if not stream.ended and elapsed > 60 and stream.size < elapsed * _SLOWEST:
                self.hang_up("421 4.4.2 Too slow")
        return stream

    async def _next_block(self, refused: bool) -> bytes:
        """What the buffer holds, or b"" at the end, or after a silence when the message is refused anyway."""
        if not refused:
            return await self._reader.read(_BLOCK)
        try:
            return await asyncio.wait_for(self._reader.read(_BLOCK), _QUIET)
        except TimeoutError:
            return b""

    async def smtp_VRFY(self, arg: str | None) -> None:  # noqa: N802
        await self.push("252 2.1.5 Cannot verify, send and see" if arg else "501 5.5.4 VRFY needs an address")

    async def smtp_EXPN(self, arg: str | None) -> None:  # noqa: N802
        await self.push("502 5.5.1 EXPN is not offered")

    async def smtp_HELP(self, arg: str | None) -> None:  # noqa: N802
        await self.push("214 2.0.0 RFC 5321")


def _last_words(transport: asyncio.BaseTransport, reply: str) -> None:
    # uvloop's transports are registered with no base class of asyncio's, so no isinstance here.
    writing = cast("asyncio.WriteTransport", transport)
    writing.write(reply.encode() + b"\r\n")
    writing.close()
