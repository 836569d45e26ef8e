"""Quoted-printable (RFC 2045 §6.7) of a template: what does not change is encoded once, the rest per client.

Pure. Called by mail/message. Soft line breaks may stand anywhere, so a line with a variable is cut around it:
rendering encodes a few dozen characters beside each variable, however long the lines of the HTML are.
"""

from __future__ import annotations

from binascii import b2a_qp
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mail.template import Piece, Template, Values, fill

_BESIDE = 60  # characters of static text kept with a variable, so that short lines stay whole
_SOFT = b"=\r\n"
_HARD = b"\r\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a line that holds a variable; `tail` ends it, softly or for good."""

    pieces: tuple[Piece, ...]
    slot: Callable[[str], str]
    tail: bytes

    def render(self, values: Values) -> bytes:
        return _encode(fill(self.pieces, values, self.slot), self.tail)


Chunk = bytes | Segment


def _encode(text: str, tail: bytes) -> bytes:
    # The CRLF makes b2a_qp break softly by CRLF too, and leave room for the "=" of a soft tail.
    octets = b2a_qp(text.encode() + b"\r\n")
    return octets[:-2] + tail


def compile_lines(template: Template, slot: Callable[[str], str]) -> list[Chunk]:
    """The chunks whose octets, one after the other, are the encoded text; lines of the template end in "\\n"."""
    chunks: list[Chunk] = []
    for line in _lines(template):
        groups = list(_groups(line))
        for number, group in enumerate(groups):
            tail = _SOFT if number + 1 < len(groups) else _HARD
            if any(not isinstance(piece, str) for piece in group):
                chunks.append(Segment(tuple(group), slot, tail))
            else:
                chunks.append(_encode("".join(map(str, group)), tail))
    return chunks


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
