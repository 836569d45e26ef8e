"""The socket under one SMTP connection: octets in, whole replies out, with a time for each thing waited for.

asyncio, and uvloop in the sender. Used by net/smtp_talk.py and net/smtp_body.py. Raises Lost where the host ends,
floods or falls silent. `handed_over` is how a message's end is kept back until the kernel has all before it.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Awaitable
from datetime import timedelta
from enum import Enum
from typing import Final, cast

from mail.reply import Reply
from net.smtp_client import ProtocolError, ReplyReader

REPLIES: Final = 16  # that may wait unread; we never ask for more than five at once


class Break(Enum):
    """How a host breaks a connection off, or makes us do it."""

    UNREACHABLE = "unreachable"  # it never began
    CLOSED = "closed"
    SILENT = "silent"  # or so slow that its time was over
    PROTOCOL = "protocol"  # it spoke no SMTP, or flooded
    UNREAD = "unread"  # not the host: our own spool did not give the message


class Lost(Exception):  # noqa: N818 - a connection that is lost is no error of ours
    """The connection ended, or the host was silent for too long, or spoke no SMTP; `fault` None: we withdrew."""

    def __init__(self, words: str, fault: Break | None = Break.CLOSED) -> None:
        super().__init__(words)
        self.fault = fault


class Wire(asyncio.Protocol):
    """Octets in, replies out, with a waiter for the next one; pauses writing when the host does not read."""

    def __init__(self) -> None:
        self.reader = ReplyReader()
        self.replies: deque[Reply] = deque()
        self.ended: str | None = None
        self.fault = Break.CLOSED
        self._transport: asyncio.Transport
        self._waiter: asyncio.Future[None] | None = None
        self._until = 0.0  # the loop's time that whoever waits gives the host
        self._timer: asyncio.TimerHandle | None = None
        self._timed = 0.0  # when the timer is due
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # the TCP one, also under TLS

    def data_received(self, data: bytes) -> None:
        try:
            self.replies.extend(self.reader.feed(data))
            if len(self.replies) > REPLIES:
                raise ProtocolError(f"more than {REPLIES} replies that nobody asked for")
        except ProtocolError as error:
            # At once: nobody may be reading, and a host that floods must not fill our memory meanwhile.
            self.end(str(error), Break.PROTOCOL)
            self._transport.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(f"connection lost: {exc}" if exc else "connection closed by the host")

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def end(self, words: str, fault: Break = Break.CLOSED) -> None:
        if self.ended is None:
            self.ended, self.fault = words, fault
        self._writable.set()
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    async def writable(self, within: timedelta) -> None:
        if not self._writable.is_set():
            await _within(self._writable.wait(), within, "the host stopped reading")
        if self.ended:
            raise Lost(self.ended, self.fault)

    async def handed_over(self, transport: asyncio.Transport, within: timedelta) -> None:
        """Until the kernel has all that was written to `transport` (this one, or TLS on it) and room for more."""
        await _within(self._handed_over(transport), within, "the host stopped reading")
        if self.ended:
            raise Lost(self.ended, self.fault)

    async def _handed_over(self, transport: asyncio.Transport) -> None:
        pause, room = 0.0, select.poll()
        room.register(self._transport.get_extra_info("socket").fileno(), select.POLLOUT)
        while not self.ended:
            await asyncio.sleep(pause)  # uvloop writes at the end of a round, so one passes always
            left = transport.get_write_buffer_size() + self._transport.get_write_buffer_size()
            if not left and room.poll(0):
                return
            pause = min(0.05, pause + 0.002)

    async def reply(self, within: timedelta) -> Reply:
        """The next whole reply; a host that drips it has no more time than one that is silent."""
        if not self.replies:
            await self._replied(within.total_seconds())
        return self.replies.popleft()

    async def _replied(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._until = loop.time() + seconds
        while not self.replies:
            if self.ended:
                raise Lost(self.ended, self.fault)
            self._arm(loop)
            self._waiter = loop.create_future()
            try:
                await self._waiter
            except TimeoutError as error:
                raise Lost(f"no answer for {seconds:g} s", Break.SILENT) from error
            finally:
                self._waiter = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer serves many replies: one that comes too early is set again, so most replies need none."""
        if self._timer is None or self._timed > self._until:
            if self._timer is not None:
                self._timer.cancel()
            self._timed = self._until
            self._timer = loop.call_at(self._timed, self._timed_out, loop)

    def _timed_out(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._timed < self._until:
            self._arm(loop)
        else:
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def _within(awaited: Awaitable[object], within: timedelta, words: str) -> None:
    try:
        async with asyncio.timeout(within.total_seconds()):
            await awaited
    except TimeoutError as error:
        raise Lost(f"{words} for {within.total_seconds():g} s", Break.SILENT) from error
