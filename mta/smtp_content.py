"""Takes a message's octets off a dialogue: behind DATA to its end, behind BDAT chunk by chunk (RFC 5321, RFC 3030).

I/O, on the loop; called by mta/smtp_server. A refusal is no reason to stop reading: the peer hears it once all of its
octets are in, up to DRAIN beyond the limit. A peer that sends less than SLOWEST octets a second is let go.
"""

from __future__ import annotations

import asyncio
from typing import Final

from mta.smtp_data import ChunkStream, DataStream
from mta.smtp_dialogue import Dialogue

DRAIN: Final = 64 * 1024 * 1024  # octets read past a refusal, so that the peer gets to read it
_QUIET: Final = 1.0  # seconds without an octet, after which a message with forged line ends is answered
_SLOWEST: Final = 128  # octets a second over a whole message, once it has had a minute
_GRACE: Final = 60.0


async def read_message(talk: Dialogue, limit: int) -> DataStream:
    """All of it, or what came until it was clear that it is refused; what is pipelined behind it is put back."""
    stream, began = DataStream(limit), talk.loop.time()
    talk.receiving = True
    while not stream.ended and stream.size < limit + DRAIN:
        block = await _next_block(talk, stream.forged)
        if not block:
            break
        if behind := stream.feed(block):
            talk.put_back(behind)
        if not stream.ended:
            _check_pace(talk, stream.size, began)
    talk.receiving = False
    return stream


async def read_chunk(talk: Dialogue, stream: ChunkStream, size: int) -> bool:
    """`size` octets into `stream`; False where they did not all come."""
    left, began = size, talk.loop.time()
    while left:
        block = await talk.block()
        if not block:
            return False
        stream.feed(block[:left])
        if len(block) > left:
            talk.put_back(block[left:])
        left -= min(left, len(block))
        _check_pace(talk, size - left, began)
    return True


def _check_pace(talk: Dialogue, octets: int, began: float) -> None:
    elapsed = talk.loop.time() - began
    if elapsed > _GRACE and octets < elapsed * _SLOWEST:
        talk.hang_up("421 4.4.2 Too slow")


async def _next_block(talk: Dialogue, refused: bool) -> bytes:
    """What is there, or b"" at the end, or after a silence when the message is refused anyway."""
    if not refused:
        return await talk.block()
    try:
        return await asyncio.wait_for(talk.block(), _QUIET)
    except TimeoutError:
        return b""
