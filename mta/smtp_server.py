"""The SMTP commands that the MX and submission share, and every reply text of theirs (RFC 5321).

I/O over mta/smtp_dialogue, one object a connection, on the loop. A listener subclasses it, decides in `judge_sender`,
`judge_recipient` and `take_content`, and may add commands. Crash case: none here; no reply promises anything that
`take_content` has not committed.
"""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import ClassVar, Final, Generic, TypeVar

from mail.address import Address
from mta.smtp_command import BadCommand, Envelope, read_bdat, read_mail, read_rcpt
from mta.smtp_content import DRAIN, read_chunk, read_message
from mta.smtp_data import ChunkStream, DataStream
from mta.smtp_dialogue import Dialogue, LineTooLong

R = TypeVar("R")
_AT_ONCE: Final = 256 * 1024  # octets that are joined on the loop
_SMUGGLED: Final = "554 5.6.0 Bare CR or LF in the message: refused as SMTP smuggling, end lines with CRLF"
# What a browser would send that a page has sent here: nothing of it is a mail program's.
_OTHER_PROTOCOLS: Final = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "HOST:"})


class SmtpServer(Dialogue, Generic[R]):
    """`recipients` are what `judge_recipient` made of those that were accepted, in their order."""

    # Names of methods, by verb; a listener may add to them.
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "EHLO": "ehlo", "HELO": "helo_", "STARTTLS": "starttls", "MAIL": "mail_", "RCPT": "rcpt", "DATA": "data",
        "BDAT": "bdat", "RSET": "rset", "NOOP": "noop", "QUIT": "quit", "VRFY": "vrfy", "EXPN": "expn", "HELP": "help",
    }  # fmt: skip

    mail: Envelope | None = None
    helo = ""
    extended = False

    def reset(self) -> None:
        """No transaction is open."""
        self.mail: Envelope | None = None
        self.recipients: list[R] = []
        self._chunks: ChunkStream | None = None

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

    # --- the loop -----------------------------------------------------------------------------------------

    async def converse(self) -> None:
        self.reset()
        await self.push(f"220 {self.listener.hostname} ESMTP")
        while not self.closing:
            try:
                line = await self.line()
                if line is None:
                    return
                await self._obey(line)
            except LineTooLong:
                await self.push("500 5.5.2 Command line too long")
            except ConnectionError:
                return
            except Exception as error:  # noqa: BLE001 - one command that fails must not end the process's others
                self.listener.log.error("session failed", raised=error, peer=self.peer)
                await self.push("451 4.3.0 Local error, try again later")

    async def _obey(self, line: bytes) -> None:
        words, _, argument = line.partition(b" ")
        verb = words.upper().decode("ascii", "replace")
        name = self.COMMANDS.get(verb)
        if name is None:
            await self.push("500 5.5.2 Command not recognised")
            if verb in _OTHER_PROTOCOLS:
                self.hang_up("421 4.7.0 This is SMTP, closing")
            return
        # Octets beyond UTF-8 stay what they are, so that what names them can be refused by name.
        text = argument.strip().decode("utf-8", "surrogateescape")
        await getattr(self, name)(text or None)

    # --- commands -----------------------------------------------------------------------------------------

    async def ehlo(self, hostname: str | None) -> None:
        if not await self._greeted(hostname, extended=True):
            return
        lines = [
            self.listener.hostname,
            f"SIZE {self.listener.limits.message_bytes}",
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "ENHANCEDSTATUSCODES",
            *([] if self.secured else ["STARTTLS"]),
            *self.extensions(),
        ]
        await self.push("".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}")

    async def helo_(self, hostname: str | None) -> None:
        if await self._greeted(hostname, extended=False):
            await self.push(f"250 {self.listener.hostname}")

    async def _greeted(self, hostname: str | None, *, extended: bool) -> bool:
        if not hostname or not hostname.isprintable() or len(hostname) > 255:
            await self.push("501 5.5.4 A host name is needed")
            return False
        self.reset()
        self.helo = hostname
        self.extended = extended
        return True

    async def starttls(self, argument: str | None) -> None:
        if argument or self.secured:
            await self.push("501 5.5.4 STARTTLS takes no argument" if argument else "503 5.5.1 TLS is there already")
            return
        # No await between the reply and start_tls taking the socket: nothing in clear can come in between.
        self._write("220 2.0.0 Ready to start TLS")
        if await self.start_tls():
            self.reset()
            self.helo = ""

    async def mail_(self, argument: str | None) -> None:
        if not self.helo or self.mail is not None:
            await self.push("503 5.5.1 Nested MAIL" if self.helo else "503 5.5.1 Say EHLO first")
            return
        limit = self.listener.limits.message_bytes
        try:
            mail = read_mail(argument, limit, self.extended, "REQUIRETLS" in self.extensions())
        except BadCommand as bad:
            await self.push(bad.reply)
            return
        refusal = await self.judge_sender(mail)
        if refusal is None:
            self.mail = mail
        await self.push(refusal or "250 2.1.0 OK")

    async def rcpt(self, argument: str | None) -> None:
        if self.mail is None or self._chunks is not None:
            await self.push("503 5.5.1 MAIL comes first" if self.mail is None else "503 5.5.1 BDAT has begun")
            return
        if len(self.recipients) >= self.listener.limits.recipients:
            # 452 here is "too many recipients", not "disk full": the rest goes in a further transaction.
            await self.push("452 4.5.3 Too many recipients")
            return
        try:
            address = read_rcpt(argument, self.extended, self.mail.internationalised)
        except BadCommand as bad:
            await self.push(bad.reply)
            return
        verdict = await self.judge_recipient(address)
        if isinstance(verdict, str):
            await self.push(verdict)
        else:
            self.recipients.append(verdict)
            await self.push("250 2.1.5 OK")

    async def data(self, argument: str | None) -> None:
        if argument:
            await self.push("501 5.5.4 DATA takes no argument")
        elif self.mail is None or not self.recipients or self._chunks is not None:
            await self.push("503 5.5.1 MAIL and a recipient come first, and no BDAT")
        else:
            mail = self.mail
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._conclude(await read_message(self, self.listener.limits.message_bytes), mail)

    async def bdat(self, argument: str | None) -> None:
        """One chunk. Its octets are read whatever the answer is: they are on their way already (RFC 3030 §2)."""
        try:
            size, last = read_bdat(argument)
        except BadCommand as bad:
            # What follows would be taken for commands.
            await self.push(bad.reply)
            self.hang_up("421 4.7.0 Closing")
            return
        limit = self.listener.limits.message_bytes
        if size > limit + DRAIN:
            await self.push(f"552 5.3.4 Message too large: this server takes {limit} octets")
            self.hang_up("421 4.7.0 Closing")
            return
        mail, open_ = self.mail, self.mail is not None and bool(self.recipients)
        stream = self._chunks if self._chunks is not None else ChunkStream(limit)
        if not open_:
            stream = ChunkStream(0)
        if not await read_chunk(self, stream, size):
            return
        if mail is None or not open_:
            await self.push("503 5.5.1 MAIL and a recipient come first")
            return
        self._chunks = stream
        if last or stream.forged or stream.too_large:
            stream.end()
            await self._conclude(stream, mail)
        else:
            await self.push(f"250 2.0.0 {size} octets taken")

    async def _conclude(self, stream: DataStream | ChunkStream, mail: Envelope) -> None:
        if stream.forged:
            self.listener.refused("smuggling")
            self.listener.log.warning("smuggling refused", peer=self.peer, helo=self.helo)
            await self.push(_SMUGGLED)
            self.hang_up("421 4.7.0 Closing")
            return
        if not stream.ended or stream.too_large:
            self.listener.refused("too_large" if stream.too_large else "too_slow")
            limit = self.listener.limits.message_bytes
            await self.push(f"552 5.3.4 Message too large: this server takes {limit} octets")
        else:
            await self._deliver(mail, await _joined(stream))
        if not stream.ended:
            self.hang_up("421 4.7.0 Closing")
        self.reset()

    async def _deliver(self, mail: Envelope, content: bytes) -> None:
        self.committing = True
        try:
            reply = await self.take_content(mail, content)
        finally:
            self.committing = False
        self.heard_at = self.began_at = self.loop.time()
        await self.push(reply)

    async def rset(self, argument: str | None) -> None:
        self.reset()
        await self.push("250 2.0.0 OK")

    async def noop(self, argument: str | None) -> None:
        await self.push("250 2.0.0 OK")

    async def quit(self, argument: str | None) -> None:
        self.hang_up("221 2.0.0 Bye")

    async def vrfy(self, argument: str | None) -> None:
        await self.push("252 2.1.5 Cannot verify, send and see" if argument else "501 5.5.4 VRFY needs an address")

    async def expn(self, argument: str | None) -> None:
        await self.push("502 5.5.1 EXPN is not offered")

    async def help(self, argument: str | None) -> None:
        await self.push("214 2.0.0 RFC 5321")

    # --- for listeners where people sign in ---------------------------------------------------------------

    async def challenge(self, text: str) -> bytes | None:
        """The decoded answer to a challenge (RFC 4954 §4); None where there is none, which the peer has been told."""
        await self.push(f"334 {b64encode(text.encode()).decode()}")
        answer = await self.line()
        if answer is None or answer == b"*":
            await self.push("501 5.7.0 Cancelled")
            return None
        try:
            return b64decode(answer, validate=True)
        except binascii.Error:
            await self.push("501 5.5.2 Not base64")
            return None


async def _joined(stream: DataStream | ChunkStream) -> bytes:
    """A large one in a thread: a join of 1 MB and more lets the interpreter go (CPython's bytes.join)."""
    return stream.content() if stream.size <= _AT_ONCE else await asyncio.to_thread(stream.content)
