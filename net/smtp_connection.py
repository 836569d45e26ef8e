"""One SMTP connection to a remote MX: the socket, its timers, and transactions one after another.

asyncio (uvloop in the sender). `connect` greets and, where STARTTLS is offered, encrypts; what the host's certificate
is worth is recorded, and matters where a Demand of net/tls_policy.py says so: else TLS is opportunistic (RFC 7435). A
transaction's answer is always a value, Answer; the connection says afterwards whether it may carry another. Crash
case: between the end of a message and its reply nobody knows who has it; the row is tried again and may come twice,
with the same Message-ID (RFC 5321 §6.1, RFC 1047).
"""

from __future__ import annotations

import _ssl
import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from prometheus_client import Counter

from mail.crlf import dot_stuff
from mail.reply import Reply
from net.smtp_client import ProtocolError, Unfit, envelope, extensions, in_chunks
from net.smtp_wire import Break, Lost, Wire
from net.tls_policy import ANY_TLS, Demand
from policy.tls_trust import Fault, FaultKind

TRANSCRIPT_LIMIT: Final = 4000  # characters kept of one transaction
BLOCK: Final = 64 * 1024  # octets of a message given to the transport at once
FAULTS: Final = Counter(
    "mailloft_host_faults_total", "Connections that a remote host did not let begin, or broke: how", ["fault"]
)
WHOLE: Final = 16 * 1024  # octets that the kernel takes at once where nothing else waits there
ENVELOPE: Final = 1024  # octets that the commands of one message have at most
_RSET: Final = b"RSET\r\n"
_DATA: Final = b"DATA\r\n"
Message = tuple[str, str, bytes]  # reverse-path, forward-path, content


@dataclass(frozen=True, slots=True)
class Timeouts:
    """RFC 5321 §4.5.3.2 asks for these at least; tests give less."""

    connect: timedelta = timedelta(seconds=30)
    greeting: timedelta = timedelta(minutes=5)
    command: timedelta = timedelta(minutes=5)
    data: timedelta = timedelta(minutes=2)
    block: timedelta = timedelta(minutes=3)
    dot: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Peer:
    """A host to try: its MX name, one of its addresses, our own address to speak from, our name in EHLO.

    `domain`: whose mail opens the connection, and by whose policy.
    """

    host: str
    address: str
    port: int
    source: str
    ehlo: str
    domain: str = ""

    def __str__(self) -> str:
        return f"{self.host}[{self.address}]:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the host said to one transaction. `reply` None: the connection failed; `words` tells how, in English.

    `heard`: the host said something about this message. If not, a kept connection had ended unnoticed, or the host
    ends it now (421), and the message may be tried again on a new one at once. `withheld`: we did not end it.
    """

    reply: Reply | None
    words: str
    transcript: str
    heard: bool
    withheld: bool = False


class ConnectError(Exception):
    """No session came about; `reply` is what the host said, if it said anything.

    `tls`: encrypting failed, so that the host may be tried in clear; `demanded`: what a policy asks for was not there,
    so that it may not.
    """

    def __init__(
        self, words: str, reply: Reply | None = None, *, tls: bool = False, demanded: FaultKind | None = None
    ) -> None:
        super().__init__(words)
        self.reply = reply
        self.tls = tls
        self.demanded = demanded


@dataclass(frozen=True, slots=True)
class _Begun:
    """A message whose MAIL, RCPT and DATA went out behind the end of the one before; nothing was heard of it yet."""

    message: Message
    commands: list[bytes]


def _nothing() -> Message | None:
    return None


def presented(session: Any) -> list[bytes]:
    """The certificates that the peer of a TLS session sent, DER, its own first."""
    # Public from Python 3.13 on; before, only on the object behind SSLObject.
    chain = getattr(session, "get_unverified_chain", None) or session._sslobj.get_unverified_chain
    return [one if isinstance(one, bytes) else one.public_bytes(_ssl.ENCODING_DER) for one in chain() or ()]


def _count(fault: Break | None) -> None:
    if fault is not None:
        FAULTS.labels(fault.value).inc()


def _blocks(content: bytes, end: bytes) -> list[bytes]:
    """The message in pieces; the last has what ends it, and the kernel takes it at once or not at all."""
    if len(content) <= WHOLE:
        return [content + end]
    cut = len(content) if end else len(content) - 1  # BDAT has no ending: the last octet is it
    return [*(content[at : min(at + BLOCK, cut)] for at in range(0, cut, BLOCK)), content[cut:] + end]


def _refused(replies: list[Reply]) -> Reply | None:
    return next((reply for reply in replies if not reply.positive), None)


def _standing(demand: Demand, fault: Fault | None) -> str:
    """For the attempt log: by what the host's name is sure, or why it is not."""
    if fault is not None:
        return f"unverified: {fault}"
    return f"by {demand.by}" if demand.by else "verified"


class Connection:
    """An open session; `carried` transactions so far. Used by one task at a time.

    `tls` is its protocol and how sure the host's name is, None in clear; `fault` what a policy would mind; `sure`:
    the host is the domain's own and nobody else reads along, as REQUIRETLS asks.
    """

    def __init__(self, peer: Peer, wire: Wire, transport: asyncio.Transport, timeouts: Timeouts) -> None:
        self.peer = peer
        self.tls: str | None = None
        self.fault: Fault | None = None
        self.sure = False
        self.carried = 0
        self.out_of_step = False  # it went silent or astray amid answers to what we sent together
        self._wire = wire
        self._transport = transport
        self._timeouts = timeouts
        self._offered: Mapping[str, str] = {}
        self._transcript: list[str] = []
        self._dirty = False
        self._heard = False
        self._in_step = False
        self._begun: _Begun | None = None

    @classmethod
    async def connect(
        cls, peer: Peer, timeouts: Timeouts, tls: ssl.SSLContext | None, demand: Demand = ANY_TLS, *,
        in_step: bool = False,
    ) -> Self:  # fmt: skip
        """A session ready for its first transaction. Raises ConnectError.

        `tls` None: do not encrypt; it asks for no certificate, since `demand` judges what the host shows. `in_step`:
        each command waits for the answer to the one before, whatever the host says of PIPELINING.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeouts.connect.total_seconds()):
                transport, wire = await loop.create_connection(
                    Wire, peer.address, peer.port, local_addr=(peer.source, 0)
                )
        except TimeoutError as error:
            _count(Break.UNREACHABLE)
            raise ConnectError(f"connect to {peer}: timed out") from error
        except OSError as error:
            _count(Break.UNREACHABLE)
            raise ConnectError(f"connect to {peer}: {error.strerror or error}") from error
        connection = cls(peer, wire, transport, timeouts)
        connection._in_step = in_step
        try:
            await connection._greet(tls, demand)
        except Lost as error:
            connection.abort()
            _count(error.fault)
            raise ConnectError(f"{peer}: {error}") from error
        except BaseException:
            connection.abort()
            raise
        return connection

    @property
    def usable(self) -> bool:
        """Whether another transaction may be tried; a host may have closed while we had nothing to send."""
        calm = self._begun is not None or not self._wire.replies
        return self._wire.ended is None and not self._transport.is_closing() and calm

    @property
    def _pipelines(self) -> bool:
        return "PIPELINING" in self._offered and not self._in_step

    async def transact(
        self, reverse_path: str, forward_path: str, content: bytes, may_end: Callable[[], bool],
        requires_tls: bool = False, following: Callable[[], Message | None] = _nothing,
    ) -> Answer:  # fmt: skip
        """Send one message to one recipient. `content` has CRLF line ends only and ends with one.

        `may_end` is asked last before the octets that end the message are handed to the kernel, which then has all
        that stands before: a worker whose claims may have gone to another (store/workers.py) must not send it, nor
        hold it ready to go when a process that stood still wakes. The answer then has no reply.
        `requires_tls`: the host gets it only where it promises to ask the same of the next (REQUIRETLS).
        `following` is asked just before: the message that the next call will bring, without REQUIRETLS, if any. Its
        envelope rides with the end of this one where the host pipelines (RFC 2920 §3.1), which saves a round trip.
        """
        self._transcript = []
        self._heard = False
        self.carried += 1
        begun, self._begun = self._begun, None
        try:
            if requires_tls:
                self._check_sure()
            if begun is None:
                commands = envelope(reverse_path, forward_path, content, self._offered, requires_tls)
                reply = await self._transaction(commands, content, may_end, following)
            elif begun.message == (reverse_path, forward_path, content) and not requires_tls:
                reply = await self._go_on(begun, may_end, following)
            else:
                raise Lost("another message was begun")
        except Unfit as error:
            return Answer(error.reply, str(error.reply), self._told(), heard=True)
        except Lost as error:
            deaf = begun is not None and error.fault is Break.SILENT and not self._heard
            self.out_of_step = self.out_of_step or deaf
            self.abort()
            if self._heard or self.carried == 1:  # else a kept connection was over, as any is some day
                _count(error.fault)
            return Answer(None, f"{self.peer}: {error}", self._told(), self._heard, withheld=error.fault is None)
        except ProtocolError as error:
            self.abort()
            _count(Break.PROTOCOL)
            return Answer(None, f"{self.peer}: {error}", self._told(), self._heard)
        if reply.code == 421:  # RFC 5321 §3.8: the host is closing
            self.abort()
        return Answer(reply, str(reply), self._told(), heard=True)

    async def quit(self) -> None:
        """Say goodbye and close; whatever the host does with it."""
        if self.usable and self._begun is None:
            self._say([b"QUIT\r\n"])
            with suppress(Lost):
                await self._wire.reply(timedelta(seconds=2))
        self.abort()

    def abort(self) -> None:
        self._transport.abort()
        self._wire.end("closed by us")

    async def _greet(self, tls: ssl.SSLContext | None, demand: Demand) -> None:
        greeting = await self._wire.reply(self._timeouts.greeting)
        if greeting.code != 220:
            raise ConnectError(f"{self.peer} greets with {greeting}", greeting)
        await self._hello()
        encrypted = tls is not None and "STARTTLS" in self._offered and await self._encrypt(tls, demand)
        if not encrypted:
            self.fault = Fault(FaultKind.NO_STARTTLS, f"{self.peer} offers no STARTTLS")
            if demand.required:
                raise ConnectError(f"{self.fault}, which {demand.by} asks for", demanded=self.fault.kind)

    async def _hello(self) -> None:
        reply = await self._ask(f"EHLO {self.peer.ehlo}\r\n".encode())
        if reply.permanent:  # RFC 5321 §3.2: a host that knows no EHLO is offered HELO
            reply = await self._ask(f"HELO {self.peer.ehlo}\r\n".encode())
            self._offered = {}
        else:
            self._offered = extensions(reply)
        if reply.code != 250:
            raise ConnectError(f"{self.peer} answers our name with {reply}", reply)

    async def _encrypt(self, tls: ssl.SSLContext, demand: Demand) -> bool:
        """False where the host does not go through with it: offered and not meant."""
        reply = await self._ask(b"STARTTLS\r\n")
        if reply.code != 220:
            return False
        if not self._wire.reader.idle or self._wire.replies:
            # Answers sent in clear behind the 220 would be read as the encrypted host's own.
            raise ConnectError(f"{self.peer} answered before TLS what we asked after it", tls=True)
        loop = asyncio.get_running_loop()
        try:
            wrapped = await loop.start_tls(
                self._transport, self._wire, tls, server_hostname=self.peer.host,
                ssl_handshake_timeout=self._timeouts.command.total_seconds(),
            )  # fmt: skip
        except (OSError, ssl.SSLError, TimeoutError) as error:
            raise ConnectError(f"TLS with {self.peer}: {error}", tls=True) from error
        if wrapped is None:
            raise ConnectError(f"TLS with {self.peer}: the connection closed", tls=True)
        self._transport = wrapped
        session = wrapped.get_extra_info("ssl_object")
        self.fault = demand.check(presented(session))
        if self.fault is not None and demand.required:
            raise ConnectError(f"TLS with {self.peer}: {self.fault}, against {demand.by}", demanded=self.fault.kind)
        self.sure = demand.sure and self.fault is None
        self.tls = f"{session.version()} {_standing(demand, self.fault)}"
        await self._hello()  # what was offered in clear counts no longer (RFC 3207 §4.2)
        return True

    def _check_sure(self) -> None:
        """Raises Unfit where the host may not get mail that requires TLS (RFC 8689 §4.2.1)."""
        if not (self.sure and "REQUIRETLS" in self._offered):
            words = "REQUIRETLS is not offered" if self.sure else self.tls or "there is no TLS"
            raise Unfit(Reply(550, "5.7.30", f"the message requires sure TLS, at {self.peer.host} {words}"))

    async def _transaction(
        self,
        commands: list[bytes],
        content: bytes,
        may_end: Callable[[], bool],
        following: Callable[[], Message | None],
    ) -> Reply:
        chunked = in_chunks(len(content), self._offered)
        if not chunked:
            commands.append(_DATA)
        if self._dirty:
            commands.insert(0, _RSET)
        replies = await (self._together(commands) if self._pipelines else self._singly(commands))
        self._check_alive(commands, replies)
        if not chunked:
            return await self._concluded(replies, content, may_end, following)
        refused = _refused(replies)
        if refused is not None:
            return refused
        if any(reply.code >= 300 for reply in replies):
            raise ProtocolError(f"the recipient is answered with {replies[-1]}")
        return await self._body(b"BDAT %d LAST\r\n" % len(content), content, b"", may_end, following)

    async def _go_on(
        self, begun: _Begun, may_end: Callable[[], bool], following: Callable[[], Message | None]
    ) -> Reply:
        """A transaction whose commands the host has already."""
        self._note_said(begun.commands)
        replies = await self._answers(begun.commands)
        self._check_alive(begun.commands, replies)
        return await self._concluded(replies, begun.message[2], may_end, following)

    async def _concluded(
        self, replies: list[Reply], content: bytes, may_end: Callable[[], bool], following: Callable[[], Message | None]
    ) -> Reply:
        """What follows DATA."""
        refused = _refused(replies)
        if refused is None and replies[-1].code == 354:
            return await self._body(b"", dot_stuff(content), b".\r\n", may_end, following)
        if refused is None:
            # The octets of a message must not be taken for commands, nor this reply for the message's.
            raise ProtocolError(f"DATA is answered with {replies[-1]}")
        if replies[-1].code == 354:
            await self._end_empty()
        return refused

    def _ahead(self, following: Callable[[], Message | None]) -> bytes:
        """MAIL, RCPT and DATA of the next message, DATA last as RFC 2920 §3.1 asks; b"" where it must wait."""
        if not self._pipelines or (message := following()) is None:
            return b""
        reverse_path, forward_path, content = message
        try:
            commands = envelope(reverse_path, forward_path, content, self._offered)
        except Unfit:  # told when its turn comes
            return b""
        if in_chunks(len(content), self._offered):
            return b""
        self._begun = _Begun(message, [*commands, _DATA])
        return b"".join(self._begun.commands)

    def _check_alive(self, commands: list[bytes], replies: list[Reply]) -> None:
        """What only says that a kept connection is over is no verdict on this message. Raises Lost."""
        first = replies[0]
        if self.carried > 1 and (first.code == 421 or (commands[0] == _RSET and not first.positive)):
            self._heard = False
            raise Lost(f"the kept connection ends with {first}")

    async def _end_empty(self) -> None:
        """DATA was accepted without a recipient: end it with nothing in it (RFC 2920 §3.1)."""
        try:
            await self._ask(b".\r\n")
        except Lost:  # the refusal was heard, and is the answer
            self.abort()

    async def _body(
        self, before_it: bytes, content: bytes, end: bytes, may_end: Callable[[], bool],
        following: Callable[[], Message | None],
    ) -> Reply:  # fmt: skip
        """The message and what ends it; what the host says to it, or before it when it hears no further."""
        *before, last = _blocks(content, end)
        try:
            self._transport.write(before_it)
            for block in before:
                self._transport.write(block)
                await self._wire.writable(self._timeouts.block)
            if before:
                await self._wire.handed_over(self._transport, self._timeouts.block)
            early = bool(self._wire.replies)
            ahead = b"" if early or len(last) > WHOLE - ENVELOPE else self._ahead(following)
            # Late, since a slow host may take minutes for what stands before.
            if not early and not may_end():
                raise Lost("this worker's claims are no longer sure, so it sends no final dot", None)
            if not early:
                self._transport.write(last + ahead)
                await self._wire.writable(self._timeouts.block)
        except Lost:
            if not self._wire.replies:
                raise
            early = True  # said why, then hung up
        self._note(f"> {before_it.decode()}({len(content)} octets)")
        reply = await self._wire.reply(self._timeouts.dot)
        self._note(f"< {reply}")
        if reply.code < 300 and early or 300 <= reply.code < 400:
            raise ProtocolError(f"the message is answered with {reply}{' before its end' if early else ''}")
        if early:
            self.abort()
        self._dirty = self._begun is not None
        return reply

    async def _together(self, commands: list[bytes]) -> list[Reply]:
        self._say(commands)
        return await self._answers(commands)

    async def _answers(self, commands: list[bytes]) -> list[Reply]:
        replies: list[Reply] = []
        for command in commands:
            try:
                replies.append(await self._heard_within(self._within(command)))
            except Lost:
                if all(reply.positive for reply in replies):
                    self.out_of_step = self._heard
                    raise
                break  # refused, then hung up: the refusal is the answer
        return replies

    async def _singly(self, commands: list[bytes]) -> list[Reply]:
        replies: list[Reply] = []
        for command in commands:
            replies.append(await self._ask(command))
            if not replies[-1].positive:
                break
        return replies

    def _within(self, command: bytes) -> timedelta:
        return self._timeouts.data if command == _DATA else self._timeouts.command

    async def _ask(self, command: bytes) -> Reply:
        self._say([command])
        return await self._heard_within(self._within(command))

    async def _heard_within(self, within: timedelta) -> Reply:
        reply = await self._wire.reply(within)
        self._heard = True
        self._note(f"< {reply}")
        return reply

    def _say(self, commands: list[bytes]) -> None:
        self._dirty = self._dirty or any(command.startswith(b"MAIL") for command in commands)
        self._note_said(commands)
        self._transport.write(b"".join(commands))

    def _note_said(self, commands: list[bytes]) -> None:
        for command in commands:
            self._note("> " + command.decode("utf-8", "replace").rstrip())

    def _note(self, line: str) -> None:
        if len(self._transcript) < 50:
            self._transcript.append(line)

    def _told(self) -> str:
        return "\n".join(self._transcript)[:TRANSCRIPT_LIMIT]
