"""A message in pieces that are whole lines, each also as DKIM hashes it and as DATA carries it.

Pure. mail/message.py makes what all clients share once, so a 60 kB page costs no more for each of them than its
variables do; mail/dkim_sign.py hashes the one form, the sender hands the other to the host. Pieces are never joined
where they are large: many connections may carry one attachment at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mail.crlf import dot_stuff, smuggles
from mail.dkim_body import blanks_as_one


class Lines(NamedTuple):  # made for each variable of each client: a dataclass takes three times as long
    """Lines of a body, each with its CRLF. `relaxed`: RFC 6376 §3.4.4 a; `stuffed`: RFC 5321 §4.5.2."""

    octets: bytes
    relaxed: bytes
    stuffed: bytes
    smuggles: bool
    ascii: bool


def lines(octets: bytes) -> Lines:
    """ValueError where the last one has no end."""
    if not octets.endswith(b"\r\n"):
        raise ValueError(f"a body's line has no end: {octets[-60:]!r}")
    return Lines(octets, blanks_as_one(octets), dot_stuff(octets), smuggles(octets), octets.isascii())


@dataclass(frozen=True, slots=True)
class Rendered:
    """`header` ends with its empty line."""

    header: bytes
    body: tuple[Lines, ...]

    @property
    def size(self) -> int:
        return len(self.header) + sum(len(one.octets) for one in self.body)

    @property
    def octets(self) -> bytes:
        return b"".join([self.header, *[one.octets for one in self.body]])

    @property
    def stuffed(self) -> bytes:
        """No line of a header begins with a dot."""
        return b"".join([self.header, *[one.stuffed for one in self.body]])

    def relaxed(self) -> Iterator[bytes]:
        """The canonical body for DKIM: empty lines at its end do not count, whichever pieces they are in."""
        kept = len(self.body)
        while kept and not self.body[kept - 1].relaxed.strip(b"\r\n"):
            kept -= 1
        for one in self.body[: max(0, kept - 1)]:
            yield one.relaxed
        if kept:
            yield self.body[kept - 1].relaxed.rstrip(b"\r\n") + b"\r\n"
