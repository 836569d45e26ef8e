"""Templates of campaign messages: `{{ name }}` and `{{ name | default("x") }}`, nothing else.

Pure. Compiled once by mail/message when a campaign is saved, filled once a client. No logic, so nothing to sandbox.
`compile_template` raises ValueError with line and column where braces hold something else; filling never fails: a
variable that is absent, None or empty gives its default, "" where none is written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from mail.header import neutral

Value = str | int | float | Decimal | date | datetime | None
Values = Mapping[str, Value]

# "{%" is refused too: it is another engine's logic. "{#" and "}}" are ordinary CSS.
_OPEN = re.compile(r"\{\{|\{%")
_FIELD = re.compile(
    r"""\{\{\s*(?P<name>[^\W\d][\w.-]*)\s*(?:\|\s*default\(\s*(?:"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)')\s*\)\s*)?\}\}"""
)
_NEWLINE = re.compile("\r\n?|\n|\x0b|\x0c|\x1c|\x1d|\x1e|\x85|\u2028|\u2029")
_UNPRINTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Field:
    """A place for the variable `name`; `default` is plain text, escaped like a value."""

    name: str
    default: str = ""

    def text(self, values: Values) -> str:
        """The variable as people write it: a date as YYYY-MM-DD, a whole float without its point."""
        value = values.get(self.name)
        if isinstance(value, str):
            return value or self.default
        return self.default if value is None else _written(value)


def _written(value: int | float | Decimal | date | datetime) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


Piece = str | Field


@dataclass(frozen=True, slots=True)
class Template:
    pieces: tuple[Piece, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(piece.name for piece in self.pieces if isinstance(piece, Field))

    def fill(self, values: Values, slot: Callable[[str], str]) -> str:
        """The text with every value passed through `slot`: in_header, in_text or in_html."""
        return "".join([piece if isinstance(piece, str) else slot(piece.text(values)) for piece in self.pieces])


def compile_template(source: str) -> Template:
    """ValueError with line and column (from 1) where braces are opened for anything but a variable."""
    pieces: list[Piece] = []
    at = 0
    while opened := _OPEN.search(source, at):
        found = _FIELD.match(source, opened.start())
        if not found:
            raise _mistake(source, opened.start())
        if opened.start() > at:
            pieces.append(source[at : opened.start()])
        pieces.append(Field(found["name"], found["double"] or found["single"] or ""))
        at = found.end()
    if at < len(source):
        pieces.append(source[at:])
    return Template(tuple(pieces))


def _mistake(source: str, at: int) -> ValueError:
    line = source.count("\n", 0, at) + 1
    column = at - source.rfind("\n", 0, at)
    shown = source[at : at + 30].split("\n")[0]
    return ValueError(
        f'line {line}, column {column}: {shown!r} is no variable; write {{{{ name }}}} or {{{{ name | default("x") }}}}'
    )


def in_header(value: str) -> str:
    """No control character of a value reaches a header."""
    return neutral(value)


def in_text(value: str) -> str:
    """Line ends of every kind become CRLF, other controls a space; tabs stay."""
    if value.isprintable():
        return value
    return _UNPRINTED.sub(" ", _NEWLINE.sub("\r\n", value))


def in_html(value: str) -> str:
    """As in_text, and nothing in it is markup, in attributes neither."""
    return html.escape(in_text(value))


def checked(source: str, what: str) -> str:
    """`source` with "\\n" as its line end; ValueError naming `what` where it holds a character no mail may carry."""
    lines = _NEWLINE.sub("\n", source)
    if bad := _UNPRINTED.search(lines):
        line = lines.count("\n", 0, bad.start()) + 1
        raise ValueError(f"{what}: character U+{ord(bad[0]):04X} in line {line} may not be in a mail; take it out")
    return lines
