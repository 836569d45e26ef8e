"""A message in pieces, each also as DKIM hashes it and as DATA carries it: header fields, and bodies in whole lines.

Pure. mail/message.py makes what all clients share once, so a 60 kB page costs no more for each of them than its
variables do; mail/dkim_sign.py hashes the one form, the sender hands the other to the host. Pieces are never joined
where they are large: many connections may carry one attachment at the same time. What could be taken for the end of a
message is refused in a header field and known of a body. ValueError: a piece that is no field, or no whole lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from mail.crlf import dot_stuff, smuggles
from mail.dkim_body import blanks_as_one
from mail.dkim_header import relaxed_header


# Values made for each message are msgspec's: a frozen dataclass of four fields takes seven times as long to make.
class HeaderField(msgspec.Struct, frozen=True):
    """`name` in lower case; `octets` with CRLF; `relaxed`: RFC 6376 §3.4.2."""

    name: bytes
    octets: bytes
    relaxed: bytes


def header_field(octets: bytes) -> HeaderField:
    """ValueError where the octets are not one field: a line that is not folded, a bare CR or LF, a NUL, no line end."""
    line = octets.replace(b"\r\n ", b" ")
    name, colon, value = line.partition(b":")
    # The first CR and the first LF are the last two octets.
    if not colon or b"\0" in line or line.find(b"\r") != len(line) - 2 or line.find(b"\n") != len(line) - 1:
        raise ValueError(f"{octets[:60]!r} is not one header field")
    return HeaderField(name.lower(), octets, relaxed_header(name, value))


class Body(msgspec.Struct, frozen=True):
    """Lines, each with its CRLF, in the same pieces three times.

    As they are, `relaxed` (RFC 6376 §3.4.4 a) and `stuffed` (RFC 5321 §4.5.2); a piece that two forms leave as it is
    is one object.
    """

    octets: Sequence[bytes]
    relaxed: Sequence[bytes]
    stuffed: Sequence[bytes]
    eight_bit: bool
    smuggles: bool

    def with_encoded(self, made: Iterable[tuple[int, bytes]]) -> Body:
        """With these lines as the pieces of these numbers.

        They are those of mail/quoted_printable.py: ASCII, without a bare CR or LF, a NUL, or a blank at the end of a
        line, so that is not looked for again.
        """
        octets, relaxed, stuffed = list(self.octets), list(self.relaxed), list(self.stuffed)
        for at, lines in made:
            octets[at] = lines
            relaxed[at] = blanks_as_one(lines) if b"  " in lines or b"\t" in lines else lines
            stuffed[at] = dot_stuff(lines)
        return Body(octets, relaxed, stuffed, self.eight_bit, self.smuggles)

    def canonical(self) -> Sequence[bytes]:
        """For DKIM: empty lines at its end do not count, whichever pieces they are in."""
        kept = list(self.relaxed)
        while kept and (kept[-1] == b"\r\n" or kept[-1].endswith(b"\r\n\r\n")):
            if last := kept.pop().rstrip(b"\r\n"):
                return [*kept, last + b"\r\n"]
        return kept


def body_of(pieces: Sequence[bytes]) -> Body:
    """ValueError where the last line of a piece has no end."""
    for piece in pieces:
        if not piece.endswith(b"\r\n"):
            raise ValueError(f"a body's line has no end: {piece[-60:]!r}")
    relaxed = tuple(blanks_as_one(piece) for piece in pieces)
    stuffed = tuple(dot_stuff(piece) for piece in pieces)
    eight_bit = not all(piece.isascii() for piece in pieces)
    return Body(tuple(pieces), relaxed, stuffed, eight_bit, any(smuggles(piece) for piece in pieces))


class Rendered(msgspec.Struct, frozen=True):
    fields: Sequence[HeaderField]
    body: Body

    @property
    def header(self) -> bytes:
        """With the empty line at its end; none of its lines begins with a dot."""
        return b"".join([*[one.octets for one in self.fields], b"\r\n"])

    @property
    def octets(self) -> bytes:
        return b"".join([self.header, *self.body.octets])
