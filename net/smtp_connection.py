"""One SMTP connection to a remote MX: transactions one after another.

asyncio (uvloop in the sender). `connect` gives a session that has greeted and, where STARTTLS is offered, encrypted
(net/smtp_session.py). A transaction's answer is always a value, Answer; the connection says afterwards whether it may
carry another. Crash case: between the end of a message and its reply nobody knows who has it; the row is tried again
and may come twice, with the same Message-ID (RFC 5321 §6.1, RFC 1047).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, Self

import msgspec

from mail.reply import Reply
from net.smtp_body import Ending, by_bdat, by_data
from net.smtp_client import ProtocolError, Unfit, envelope, in_chunks
from net.smtp_content import Content, size_of
from net.smtp_peer import Peer, Timeouts
from net.smtp_session import Session, begin
from net.smtp_talk import DATA, Said, count, transcript
from net.smtp_wire import Break, Lost
from net.tls_policy import ANY_TLS, Demand

_RSET: Final = b"RSET\r\n"
Message = tuple[str, str, Content]  # reverse-path, forward-path, content


class Answer(msgspec.Struct, frozen=True):
    """What the host said to one transaction. `reply` None: the connection failed; `words` tells how, in English.

    `heard`: the host said something about this message. If not, a kept connection had ended unnoticed, or the host
    ends it now (421), and the message may be tried again on a new one at once. `withheld`: we did not end it.
    """

    reply: Reply | None
    words: str
    said: list[Said]
    heard: bool
    withheld: bool = False

    @property
    def transcript(self) -> str:
        return transcript(self.said)


class _Begun(msgspec.Struct, frozen=True):
    """A message whose MAIL, RCPT and DATA went out behind the end of the one before; nothing was heard of it yet."""

    message: Message
    commands: list[bytes]


def _nothing() -> Message | None:
    return None


def _refused(replies: list[Reply]) -> Reply | None:
    return next((reply for reply in replies if not reply.positive), None)


class Connection:
    """An open session; `carried` transactions so far. Used by one task at a time. `tls`, `fault`, `sure`: see Session.

    `out_of_step`: the host went silent or astray amid answers to what we sent together.
    """

    def __init__(self, session: Session, *, in_step: bool) -> None:
        self.peer = session.talk.peer
        self.tls = session.tls
        self.fault = session.fault
        self.sure = session.sure
        self.carried = 0
        self._talk = session.talk
        self._offered = session.offered
        self._pipelines = "PIPELINING" in session.offered and not in_step
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
        return cls(await begin(peer, timeouts, tls, demand), in_step=in_step)

    @property
    def usable(self) -> bool:
        """Whether another transaction may be tried; a host may have closed while we had nothing to send."""
        return self._talk.open and (self._begun is not None or not self._talk.wire.replies)

    @property
    def out_of_step(self) -> bool:
        return self._talk.out_of_step

    async def transact(
        self, reverse_path: str, forward_path: str, content: Content, may_end: Callable[[], bool],
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
        talk, begun = self._talk, self._begun
        talk.begin()
        self.carried += 1
        self._begun = None
        ending = Ending(may_end, partial(self._ahead, following))
        try:
            reply = await self._transaction((reverse_path, forward_path, content), begun, requires_tls, ending)
        except Unfit as error:
            return Answer(error.reply, str(error.reply), talk.said, heard=True)
        except Lost as error:
            deaf = begun is not None and error.fault is Break.SILENT and not talk.heard
            talk.out_of_step = talk.out_of_step or deaf
            self.abort()
            if talk.heard or self.carried == 1:  # else a kept connection was over, as any is some day
                count(error.fault)
            return Answer(None, f"{self.peer}: {error}", talk.said, talk.heard, withheld=error.fault is None)
        except ProtocolError as error:
            self.abort()
            count(Break.PROTOCOL)
            return Answer(None, f"{self.peer}: {error}", talk.said, talk.heard)
        if reply.code == 421:  # RFC 5321 §3.8: the host is closing
            self.abort()
        return Answer(reply, str(reply), talk.said, heard=True)

    async def quit(self) -> None:
        """Say goodbye and close; whatever the host does with it."""
        if self.usable and self._begun is None:
            self._talk.say([b"QUIT\r\n"])
            with suppress(Lost):
                await self._talk.wire.reply(timedelta(seconds=2))
        self.abort()

    def abort(self) -> None:
        self._talk.abort()

    async def _transaction(self, message: Message, begun: _Begun | None, requires_tls: bool, ending: Ending) -> Reply:
        if requires_tls:
            self._check_sure()
        if begun is None:
            return await self._whole(message, requires_tls, ending)
        if begun.message != message or requires_tls:
            raise Lost("another message was begun")
        self._talk.note(*begun.commands)  # the host has them already
        return await self._by_data(begun.commands, await self._talk.answers(begun.commands), message[2], ending)

    async def _whole(self, message: Message, requires_tls: bool, ending: Ending) -> Reply:
        reverse_path, forward_path, content = message
        commands = envelope(reverse_path, forward_path, content, self._offered, requires_tls)
        chunked = in_chunks(size_of(content), self._offered)
        if not chunked:
            commands.append(DATA)
        if self._talk.mailing:
            commands.insert(0, _RSET)
        replies = await (self._talk.together(commands) if self._pipelines else self._talk.singly(commands))
        if chunked:
            return await self._by_bdat(commands, replies, content, ending)
        return await self._by_data(commands, replies, content, ending)

    async def _by_bdat(self, commands: list[bytes], replies: list[Reply], content: Content, ending: Ending) -> Reply:
        self._check_alive(commands, replies)
        if (refused := _refused(replies)) is not None:
            return refused
        if any(reply.code >= 300 for reply in replies):
            raise ProtocolError(f"the recipient is answered with {replies[-1]}")
        return self._over(await by_bdat(self._talk, content, ending))

    async def _by_data(self, commands: list[bytes], replies: list[Reply], content: Content, ending: Ending) -> Reply:
        self._check_alive(commands, replies)
        refused = _refused(replies)
        if refused is None and replies[-1].code == 354:
            return self._over(await by_data(self._talk, content, ending))
        if refused is None:
            # The octets of a message must not be taken for commands, nor this reply for the message's.
            raise ProtocolError(f"DATA is answered with {replies[-1]}")
        if replies[-1].code == 354:
            await self._end_empty()
        return refused

    def _over(self, reply: Reply) -> Reply:
        self._talk.mailing = self._begun is not None
        return reply

    async def _end_empty(self) -> None:
        """DATA was accepted without a recipient: end it with nothing in it (RFC 2920 §3.1)."""
        try:
            await self._talk.ask(b".\r\n")
        except Lost:  # the refusal was heard, and is the answer
            self.abort()

    def _ahead(self, following: Callable[[], Message | None]) -> bytes:
        """MAIL, RCPT and DATA of the next message, DATA last as RFC 2920 §3.1 asks; b"" where it must wait."""
        if not self._pipelines or (message := following()) is None:
            return b""
        reverse_path, forward_path, content = message
        try:
            commands = envelope(reverse_path, forward_path, content, self._offered)
        except Unfit:  # told when its turn comes
            return b""
        if in_chunks(size_of(content), self._offered):
            return b""
        self._begun = _Begun(message, [*commands, DATA])
        return b"".join(self._begun.commands)

    def _check_sure(self) -> None:
        """Raises Unfit where the host may not get mail that requires TLS (RFC 8689 §4.2.1)."""
        if not (self.sure and "REQUIRETLS" in self._offered):
            words = "REQUIRETLS is not offered" if self.sure else self.tls or "there is no TLS"
            raise Unfit(Reply(550, "5.7.30", f"the message requires sure TLS, at {self.peer.host} {words}"))

    def _check_alive(self, commands: list[bytes], replies: list[Reply]) -> None:
        """What only says that a kept connection is over is no verdict on this message. Raises Lost."""
        first = replies[0]
        if self.carried > 1 and (first.code == 421 or (commands[0] == _RSET and not first.positive)):
            self._talk.heard = False
            raise Lost(f"the kept connection ends with {first}")
