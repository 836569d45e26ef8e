"""The octets of one message on its way out: held whole, or read a block at a time while a host takes them.

What the wire asks of a message (its size, bare line ends, doubled dots) is found here in its octets, unless who made it
knew it already: `Ready` and `Large`. Used by net/smtp_connection.py and by who hands it messages. A large message is
never held: many connections may carry one at the same time, each for as long as a slow host wishes. `blocks` may block
on a disk, so they are asked for on a thread; it raises OSError where the spool fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from mail.crlf import dot_stuff, dot_stuffed, smuggles

BLOCK: Final = 64 * 1024  # octets given to the transport at once


class Traits(msgspec.Struct, frozen=True):
    """What the commands before a message tell of it, and whether it may go at all."""

    size: int
    eight_bit: bool
    header_eight_bit: bool
    smuggles: bool


class Large(msgspec.Struct, frozen=True):
    """CRLF line ends only, and one at the end; each call of `blocks` begins anew."""

    traits: Traits
    blocks: Callable[[], Iterator[bytes]]


class Ready(msgspec.Struct, frozen=True):
    """`octets` as in Large; `stuffed`: the same with each leading dot doubled."""

    traits: Traits
    octets: bytes
    stuffed: bytes


Content = bytes | Ready | Large


def traits_of(content: Content) -> Traits:
    if not isinstance(content, bytes):
        return content.traits
    eight_bit = not content.isascii()
    return Traits(len(content), eight_bit, eight_bit and not _header(content).isascii(), smuggles(content))


def size_of(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.traits.size


def octets_of(content: bytes | Ready) -> bytes:
    return content if isinstance(content, bytes) else content.octets


def stuffed_of(content: bytes | Ready) -> bytes:
    return dot_stuff(content) if isinstance(content, bytes) else content.stuffed


def blocks_of(content: Content) -> Iterator[bytes]:
    return content.blocks() if isinstance(content, Large) else cut(octets_of(content))


def stuffed_blocks_of(content: Content) -> Iterator[bytes]:
    return dot_stuffed(content.blocks()) if isinstance(content, Large) else cut(stuffed_of(content))


def cut(octets: bytes) -> Iterator[bytes]:
    """In blocks."""
    return (octets[at : at + BLOCK] for at in range(0, len(octets), BLOCK))


def _header(content: bytes) -> bytes:
    return content[: content.find(b"\r\n\r\n") + 2]
