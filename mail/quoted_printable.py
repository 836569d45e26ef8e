"""Quoted-printable (RFC 2045 §6.7) of a template: what does not change is encoded once, the rest per client.

Pure. Called by mail/message. Soft line breaks may stand anywhere, so a line with a variable is cut around it:
rendering encodes a few dozen characters beside each variable, however long the lines of the HTML are.
"""

from __future__ import annotations

from binascii import b2a_qp
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mail.template import Field, Piece, Template, Values

_BESIDE = 60  # characters of static text kept with a variable, so that short lines stay whole
_SOFT = b"=\r\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a line that holds variables: a text with `%s` for each of `fields`. `soft`: the line goes on behind it.

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


def _encode(line: str, soft: bool) -> bytes:
    """`line` has its CRLF: it makes b2a_qp break softly by CRLF too, and leave room for the "=" of a soft tail."""
    octets = b2a_qp(line.encode())
    return octets[:-2] + _SOFT if soft else octets


def compile_lines(template: Template, slot: Callable[[str], str]) -> list[Chunk]:
    """The chunks whose octets, one after the other, are the encoded text; lines of the template end in "\\n"."""
    chunks: list[Chunk] = []
    for line in _lines(template):
        groups = list(_groups(line))
        for number, group in enumerate(groups):
            soft = number + 1 < len(groups)
            fields = tuple(piece for piece in group if not isinstance(piece, str))
            if fields:
                chunks.append(Segment(_form(group), fields, slot, soft))
            else:
                chunks.append(_encode("".join(map(str, group)) + "\r\n", soft))
    return chunks


def _form(group: list[Piece]) -> str:
    return "".join([piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in group]) + "\r\n"


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
