"""Quoted-printable (RFC 2045 §6.7) of a template: what does not change is encoded once, the rest per client.

Pure. Called by mail/message. Soft line breaks may stand anywhere, so a line with a variable is cut around it:
rendering encodes a few dozen characters beside each variable, however long the lines of the HTML are.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mail.template import Field, Piece, Template, Values

_BESIDE = 60  # characters of static text kept with a variable, so that short lines stay whole
_BETWEEN = 120  # characters of whole lines between variables that are encoded with them
_SOFT = b"=\r\n"
_FULL = re.compile(rb"^([^\r\n]{74})(=20|=09)(?=\r\n)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Segment:
    """Lines that hold variables: a text with `%s` for each of `fields`. `soft`: the last line goes on behind it.

    `slot` (in_text or in_html of mail/template.py) lets no bare CR through, and none stands beside it: the one octet of
    harm that quoted-printable leaves as it is. mail/rendered.py counts on it.
    """

    form: str
    fields: tuple[Field, ...]
    slot: Callable[[str], str]
    soft: bool

    def render(self, values: Values) -> bytes:
        slot = self.slot
        return _encode(self.form % tuple([slot(one.text(values)) for one in self.fields]), self.soft)


Chunk = bytes | Segment


def encoded(octets: bytes) -> bytes:
    """Whole lines, each with its CRLF, in lines of at most 76 octets."""
    made = b2a_qp(octets)
    # It leaves no room for the two octets more that a blank at the end of a full line becomes.
    return _FULL.sub(rb"\1=\r\n\2", made) if b"=20\r\n" in made or b"=09\r\n" in made else made


def _encode(line: str, soft: bool) -> bytes:
    """`line` has its CRLF: it makes b2a_qp break softly by CRLF too, and leave room for the "=" of a soft tail."""
    octets = encoded(line.encode())
    return octets[:-2] + _SOFT if soft else octets


def compile_lines(template: Template, slot: Callable[[str], str]) -> list[Chunk]:
    """The chunks whose octets, one after the other, are the encoded text; lines of the template end in "\\n"."""
    segments = [segment for line in _lines(template) for segment in _segments(line, slot)]
    return [one if one.fields else one.render({}) for one in _neighbours(segments)]


def _segments(line: list[Piece], slot: Callable[[str], str]) -> Iterator[Segment]:
    """Those of a line, also the ones without variables."""
    groups = list(_groups(line))
    for number, group in enumerate(groups):
        form = "".join([piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in group])
        fields = tuple(piece for piece in group if not isinstance(piece, str))
        yield Segment(f"{form}\r\n", fields, slot, number + 1 < len(groups))


def _neighbours(segments: list[Segment]) -> list[Segment]:
    """Those with variables as one where they are whole lines and not far apart: each costs more than a line between."""
    found: list[Segment] = []
    between: list[Segment] = []
    for segment in segments:
        if not segment.fields:
            between.append(segment)
            continue
        if found and _near(found[-1], between):
            found.append(_as_one([found.pop(), *between, segment]))
        else:
            found += (*between, segment)
        between = []
    return found + between


def _near(before: Segment, between: list[Segment]) -> bool:
    return sum(len(one.form) for one in between) <= _BETWEEN and not any(one.soft for one in (before, *between))


def _as_one(segments: list[Segment]) -> Segment:
    fields = tuple(field for one in segments for field in one.fields)
    return Segment("".join([one.form for one in segments]), fields, segments[-1].slot, segments[-1].soft)


def _lines(template: Template) -> Iterator[list[Piece]]:
    """The template's pieces by line, without line ends; the end of the last line is added where it is missing."""
    line: list[Piece] = []
    for piece in template.pieces:
        if not isinstance(piece, str):
            line.append(piece)
            continue
        *whole, rest = piece.split("\n")
        for text in whole:
            yield [*line, text]
            line = []
        if rest:
            line.append(rest)
    if line:
        yield line


def _groups(line: list[Piece]) -> Iterator[list[Piece]]:
    """The line cut so that long static text stands apart from variables."""
    group: list[Piece] = []
    for number, piece in enumerate(line):
        if not isinstance(piece, str):
            group.append(piece)
            continue
        before = _BESIDE if group else 0
        after = _BESIDE if number + 1 < len(line) else 0
        if len(piece) <= before + after + _BESIDE or not before + after:
            group.append(piece)
            continue
        if before:
            yield [*group, piece[:before]]
        yield [piece[before : len(piece) - after]]
        group = [piece[len(piece) - after :]] if after else []
    if group or not line:
        yield group


def join(chunks: list[Chunk]) -> list[Chunk]:
    """The same octets in as few chunks as can be."""
    joined: list[Chunk] = []
    run: list[bytes] = []
    for chunk in [*chunks, None]:
        if isinstance(chunk, bytes):
            run.append(chunk)
            continue
        if run:
            joined.append(b"".join(run))
            run = []
        if chunk is not None:
            joined.append(chunk)
    return joined
