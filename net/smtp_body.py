"""A message's octets on their way to a host, up to and behind its end, and what the host says to them.

asyncio. For net/smtp_connection.py. What ends the message is handed to the kernel last and at once, when it already has
all that stands before: a worker whose claims may have gone to another must not hold an ending ready that goes when it
wakes. Raises Lost, ProtocolError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mail.reply import Reply
from net.smtp_client import ProtocolError
from net.smtp_content import Content, Large, blocks_of, octets_of, size_of, stuffed_blocks_of, stuffed_of
from net.smtp_talk import Talk
from net.smtp_wire import Break, Lost

WHOLE: Final = 16 * 1024  # octets that the kernel takes at once where nothing else waits there
ENVELOPE: Final = 1024  # octets that the commands of one message have at most


@dataclass(frozen=True, slots=True)
class Ending:
    """What is asked just before a message's end goes out: whether it may, and what rides behind it."""

    may_end: Callable[[], bool]
    ahead: Callable[[], bytes]


async def by_data(talk: Talk, content: Content, ending: Ending) -> Reply:
    """Behind a 354."""
    if not isinstance(content, Large) and size_of(content) <= WHOLE:
        return await _answered(talk, b"", content, ending, stuffed_of(content) + b".\r\n")
    return await _answered(talk, b"", content, ending, None)


async def by_bdat(talk: Talk, content: Content, ending: Ending) -> Reply:
    """As one chunk (RFC 3030)."""
    command = b"BDAT %d LAST\r\n" % size_of(content)
    if not isinstance(content, Large) and size_of(content) <= WHOLE:
        return await _answered(talk, command, content, ending, command + octets_of(content))
    return await _answered(talk, command, content, ending, None)


async def _answered(talk: Talk, command: bytes, content: Content, ending: Ending, whole: bytes | None) -> Reply:
    """`whole`: all of it, where the kernel takes that at once; `command` b"" for DATA."""
    try:
        last = await _handed_over(talk, command, content) if whole is None else whole
        early = await _end(talk, last, ending)
    except Lost:
        if not talk.wire.replies:
            raise
        early = True  # said why, then hung up
    talk.note(command + b"(%d octets)" % size_of(content))
    reply = await talk.reply(talk.timeouts.dot)
    if reply.code < 300 and early or 300 <= reply.code < 400:
        raise ProtocolError(f"the message is answered with {reply}{' before its end' if early else ''}")
    if early:
        talk.abort()
    return reply


async def _handed_over(talk: Talk, command: bytes, content: Content) -> bytes:
    """Returns, once the kernel has all before it, what ends the message: BDAT has no ending, so its last octet."""
    blocks = blocks_of(content) if command else stuffed_blocks_of(content)
    ready = command
    while (block := await _next(blocks, on_thread=isinstance(content, Large))) is not None:
        await _write(talk, ready)
        ready = block
    end = ready[-1:] if command else b".\r\n"
    await _write(talk, ready[:-1] if command else ready)
    await talk.wire.handed_over(talk.transport, talk.timeouts.block)
    return end


async def _next(blocks: Iterator[bytes], *, on_thread: bool) -> bytes | None:
    try:
        return await asyncio.to_thread(next, blocks, None) if on_thread else next(blocks, None)
    except OSError as error:
        raise Lost(f"the message cannot be read: {error}", Break.UNREAD) from error


async def _write(talk: Talk, octets: bytes) -> None:
    talk.transport.write(octets)
    await talk.wire.writable(talk.timeouts.block)


async def _end(talk: Talk, last: bytes, ending: Ending) -> bool:
    """Whether the host said something before the end, so that it was not sent."""
    if talk.wire.replies:
        return True
    ahead = b"" if len(last) > WHOLE - ENVELOPE else ending.ahead()
    # Late, since a slow host may take minutes for what stands before.
    if not ending.may_end():
        raise Lost("this worker's claims are no longer sure, so it sends no final dot", None)
    await _write(talk, last + ahead)
    return False
