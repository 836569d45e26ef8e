"""A message rendered here, signed, in the form that a connection takes: whole, or in blocks where it is large.

Pure. For mta/outbound/compose.py. The files of a campaign are the same octets for all its clients, so a message with
large ones is never joined: fifty connections that carry it hold them once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from mail.crlf import smuggles
from mail.rendered import Rendered
from net.smtp_content import Content, Large, Ready, Traits, cut

HELD: Final = 256 * 1024  # octets


def content_of(signatures: bytes, message: Rendered) -> Content:
    traits = _traits(len(signatures), message)
    if traits.size > HELD:
        return Large(traits, partial(_blocks, signatures, message))
    octets = signatures + message.octets
    dotted = any(one.stuffed is not one.octets for one in message.body)
    return Ready(traits, octets, signatures + message.stuffed if dotted else octets)


def _traits(signed: int, message: Rendered) -> Traits:
    header_eight_bit = not message.header.isascii()
    return Traits(
        signed + message.size,
        header_eight_bit or not all(one.ascii for one in message.body),
        header_eight_bit,
        smuggles(message.header) or any(one.smuggles for one in message.body),
    )


def _blocks(signatures: bytes, message: Rendered) -> Iterator[bytes]:
    yield signatures + message.header
    for one in message.body:
        yield from cut(one.octets)
