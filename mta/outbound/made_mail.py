"""A message rendered here, signed, in the form that a connection takes: whole, or in blocks where it is large.

Pure. For mta/outbound/compose.py. The files of a campaign are the same octets for all its clients, so a message with
large ones is never joined: fifty connections that carry it hold them once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from mail.rendered import Body, Rendered
from net.smtp_content import Content, Large, Ready, Traits, cut

HELD: Final = 256 * 1024  # octets


def content_of(signatures: bytes, message: Rendered) -> Content:
    head, body = signatures + message.header, message.body
    header_eight_bit = not head.isascii()
    size = len(head) + sum(map(len, body.octets))
    traits = Traits(size, header_eight_bit or body.eight_bit, header_eight_bit, body.smuggles)
    if size > HELD:
        return Large(traits, partial(_blocks, head, body))
    octets = b"".join([head, *body.octets])
    # No line of a header begins with a dot. Pieces without one are the same objects, so comparing looks into none.
    return Ready(traits, octets, octets if body.stuffed == body.octets else b"".join([head, *body.stuffed]))


def _blocks(head: bytes, body: Body) -> Iterator[bytes]:
    yield head
    for piece in body.octets:
        yield from cut(piece)
