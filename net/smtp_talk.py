"""The conversation on one SMTP connection: commands out, replies in, each noted for the transcript of its transaction.

asyncio. Shared by the beginning of a session (net/smtp_session.py), a message's octets (net/smtp_body.py) and
transactions (net/smtp_connection.py). Raises Lost as net/smtp_wire.py does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from prometheus_client import Counter

from mail.reply import Reply
from net.smtp_peer import Peer, Timeouts
from net.smtp_wire import Break, Lost, Wire

TRANSCRIPT_LIMIT: Final = 4000  # characters kept of one transaction
_LINES: Final = 50
FAULTS: Final = Counter(
    "mailloft_host_faults_total", "Connections that a remote host did not let begin, or broke: how", ["fault"]
)
DATA: Final = b"DATA\r\n"
Said = bytes | Reply  # what we said, what the host said


def count(fault: Break | None) -> None:
    if fault is not None:
        FAULTS.labels(fault.value).inc()


def transcript(said: Sequence[Said]) -> str:
    """For people; made only where somebody wants it, since most transactions need none."""
    lines = [f"< {one}" if isinstance(one, Reply) else "> " + one.decode("utf-8", "replace").rstrip() for one in said]
    return "\n".join(lines)[:TRANSCRIPT_LIMIT]


class Talk:
    """`heard`: the host said something since `begin`; `mailing`: a transaction was begun and not seen to its end.

    `out_of_step`: it went silent or astray amid answers to what we sent together.
    """

    def __init__(self, peer: Peer, wire: Wire, transport: asyncio.Transport, timeouts: Timeouts) -> None:
        self.peer = peer
        self.wire = wire
        self.transport = transport
        self.timeouts = timeouts
        self.said: list[Said] = []
        self.heard = False
        self.mailing = False
        self.out_of_step = False

    def begin(self) -> None:
        """Another transaction, with a transcript of its own."""
        self.said = []
        self.heard = False

    @property
    def open(self) -> bool:
        return self.wire.ended is None and not self.transport.is_closing()

    def abort(self) -> None:
        self.transport.abort()
        self.wire.end("closed by us")

    def say(self, commands: list[bytes]) -> None:
        self.mailing = self.mailing or any(command.startswith(b"MAIL") for command in commands)
        self.note(*commands)
        self.transport.write(b"".join(commands))

    async def ask(self, command: bytes) -> Reply:
        self.say([command])
        return await self.reply(self._within(command))

    async def together(self, commands: list[bytes]) -> list[Reply]:
        self.say(commands)
        return await self.answers(commands)

    async def answers(self, commands: list[bytes]) -> list[Reply]:
        """To commands that were sent together, as far as the host gives them."""
        replies: list[Reply] = []
        for command in commands:
            try:
                replies.append(await self.reply(self._within(command)))
            except Lost:
                if all(reply.positive for reply in replies):
                    self.out_of_step = self.heard
                    raise
                break  # refused, then hung up: the refusal is the answer
        return replies

    async def singly(self, commands: list[bytes]) -> list[Reply]:
        """Each once the one before was answered well."""
        replies: list[Reply] = []
        for command in commands:
            replies.append(await self.ask(command))
            if not replies[-1].positive:
                break
        return replies

    async def reply(self, within: timedelta) -> Reply:
        reply = await self.wire.reply(within)
        self.heard = True
        self.note(reply)
        return reply

    def note(self, *said: Said) -> None:
        if len(self.said) < _LINES:
            self.said.extend(said)

    def _within(self, command: bytes) -> timedelta:
        return self.timeouts.data if command == DATA else self.timeouts.command
