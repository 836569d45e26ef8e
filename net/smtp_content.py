"""The octets of one message on its way out: held whole, or read a block at a time while a host takes them.

Used by net/smtp_connection.py and by who hands it messages. A large message is never held: many connections may carry
one at the same time, each for as long as a slow host wishes. `blocks` may block on a disk, so they are asked for on a
thread; it raises OSError where the spool fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mail.crlf import smuggles

BLOCK: Final = 64 * 1024  # octets given to the transport at once


@dataclass(frozen=True, slots=True)
class Traits:
    """What the commands before a message tell of it, and whether it may go at all."""

    size: int
    eight_bit: bool
    header_eight_bit: bool
    smuggles: bool


@dataclass(frozen=True, slots=True)
class Large:
    """CRLF line ends only, and one at the end; each call of `blocks` begins anew."""

    traits: Traits
    blocks: Callable[[], Iterator[bytes]]


Content = bytes | Large


def traits_of(content: Content) -> Traits:
    if isinstance(content, Large):
        return content.traits
    eight_bit = not content.isascii()
    return Traits(len(content), eight_bit, eight_bit and not _header(content).isascii(), smuggles(content))


def size_of(content: Content) -> int:
    return content.traits.size if isinstance(content, Large) else len(content)


def blocks_of(content: Content) -> Iterator[bytes]:
    if isinstance(content, Large):
        return content.blocks()
    return (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))


def _header(content: bytes) -> bytes:
    return content[: content.find(b"\r\n\r\n") + 2]
