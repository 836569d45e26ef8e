"""Reading a CSV of clients: encoding, separator and header first, then row by row from any byte (RFC 4180, lenient).

Only reads. Called by admin/importing.py. `examine` raises ClientFileError, which names line, byte and mend; a row that
cannot be taken is a Row with its mistake, and the next one is read. Blank lines are no rows. No line of a good file
needs a quoted line break, since no variable may hold one; such a record is one mistake, not several.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from policy.validation import Addressee, addressee, check_variable, variables

SEPARATORS: Final = (";", ",", "\t")
ADDRESS_COLUMNS: Final = frozenset(
    (
        "address",
        "email",
        "e-mail",
        "mail",
        "email address",
        "e-mail address",
        "адрес",
        "почта",
        "эл. почта",
        "email адрес",
    )
)
_LINE_LIMIT: Final = 256 * 1024  # octets of one line
_SPAN: Final = 50  # lines that a quoted cell is followed for
_BLOCK: Final = 1 << 20
_SHOWN: Final = 200  # characters of a broken row that its mistake keeps


class ClientFileError(Exception):
    """A file that cannot be imported at all; the text names where, why and the mend."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`start` is the byte behind the header, `line` the number of the header's line."""

    separator: str
    columns: tuple[str, ...]
    start: int
    line: int
    size: int

    @property
    def address_column(self) -> int:
        return next(at for at, name in enumerate(self.columns) if name.lower() in ADDRESS_COLUMNS)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file up to byte `end`: a client, or (`mistake` not "") what is wrong with `shown`."""

    line: int
    end: int
    client: Addressee | None
    variables: dict[str, str]
    shown: str
    mistake: str


def examine(path: Path) -> Layout:
    """The whole file's encoding and its header. Raises ClientFileError."""
    size = path.stat().st_size
    if size == 0:
        raise ClientFileError("the file is empty; its first line must name the columns")
    with path.open("rb") as stream:
        _check_encoding(stream)
        stream.seek(0)
        return _header(stream, size)


def _check_encoding(stream: BinaryIO) -> None:
    head = stream.peek(4)[:4] if hasattr(stream, "peek") else b""
    for mark, name in ((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")):
        if head.startswith(mark):
            raise ClientFileError(f"the file is {name} (byte order mark at byte 1); save it as UTF-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    read, line = 0, 1
    while True:
        block = stream.read(_BLOCK)
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            at = read - pending + error.start
            line += block[: max(0, error.start - pending)].count(b"\n")
            raise ClientFileError(
                f"line {line}, byte {at + 1} of the file: {error.object[error.start]:#04x} is not UTF-8 "
                f"({error.reason}); save the file as UTF-8"
            ) from error
        if not block:
            return
        read += len(block)
        line += block.count(b"\n")


def _header(stream: BinaryIO, size: int) -> Layout:
    text, number = "", 0
    while not text.strip():
        octets = stream.readline(_LINE_LIMIT)
        if not octets:
            raise ClientFileError("the file has blank lines only; its first line must name the columns")
        text, number = octets.decode("utf-8-sig" if number == 0 else "utf-8").rstrip("\r\n"), number + 1
    if len(octets) == _LINE_LIMIT or "\r" in text:
        raise ClientFileError(f"line {number}: no line end (LF or CRLF) in it; save the file with such line ends")
    separator = max(SEPARATORS, key=text.count) if any(map(text.count, SEPARATORS)) else SEPARATORS[0]
    try:
        columns = tuple(cell.strip() for cell in next(csv.reader([text], delimiter=separator, strict=True)))
    except csv.Error as error:
        raise ClientFileError(f"line {number}, the header: {error}") from error
    _check_columns(columns, number)
    return Layout(separator, columns, stream.tell(), number, size)


def _check_columns(columns: tuple[str, ...], line: int) -> None:
    found = ", ".join(repr(column[:40]) for column in columns[:10])
    if any("@" in column for column in columns):
        raise ClientFileError(
            f"line {line}: no header, the first line holds an address: {found}. Put a line with the columns' names, "
            "such as `address;name`, above it"
        )
    named = [column for column in columns if column.lower() in ADDRESS_COLUMNS]
    if len(named) != 1:
        what = "more than one column of addresses" if named else "no column is named `address` (or `email`)"
        raise ClientFileError(f"line {line}, the header: {what}; found {found}")
    if twice := [column for column, count in Counter(columns).items() if count > 1]:
        raise ClientFileError(f"line {line}, the header: column {twice[0]!r} is there twice; found {found}")
    for column in columns:
        try:
            check_variable(column, "")
        except ValueError as error:
            raise ClientFileError(f"line {line}, the header: {error}; found {found}") from error


def line_at(stream: BinaryIO, start: int) -> int:
    """How many lines end before byte `start`."""
    stream.seek(0)
    lines, left = 0, start
    while left > 0 and (block := stream.read(min(_BLOCK, left))):
        lines += block.count(b"\n")
        left -= len(block)
    return lines


def rows(stream: BinaryIO, layout: Layout, start: int) -> Iterator[Row]:
    """The rows from byte `start` on, which is where a row begins. The stream is the caller's, and read here alone."""
    number = line_at(stream, start)
    stream.seek(start)
    while octets := stream.readline(_LINE_LIMIT):
        number += 1
        if len(octets) == _LINE_LIMIT and not octets.endswith(b"\n"):
            _skip_line(stream)
            yield _mistake(number, stream.tell(), _text(octets), f"a line longer than {_LINE_LIMIT} octets")
        elif octets.strip():
            record, more = _whole(stream, layout, octets)
            yield _row(layout, record, number, stream.tell())
            number += more


def _whole(stream: BinaryIO, layout: Layout, octets: bytes) -> tuple[str, int]:
    """The record that begins with this line, and how many further lines it takes.

    A quote that is never closed must not swallow the rows behind it: then the first line alone is the (broken) row.
    """
    back, gathered = stream.tell(), octets
    for more in range(_SPAN):
        if gathered.count(b'"') % 2 == 0:
            if more == 0 or len(_cells(layout, _text(gathered)) or ()) == len(layout.columns):
                return _text(gathered), more
            break
        following = stream.readline(_LINE_LIMIT)
        if not following:
            break
        gathered += following
    stream.seek(back)
    return _text(octets), 0


def _cells(layout: Layout, text: str) -> list[str] | None:
    """None where the text is no record."""
    try:
        return next(csv.reader([text], delimiter=layout.separator, strict=True))
    except (csv.Error, StopIteration):
        return None


def _row(layout: Layout, text: str, line: int, end: int) -> Row:
    cells = _cells(layout, text)
    if cells is None:
        return _mistake(line, end, text, "a quote that is not closed, or text behind a closed one")
    if len(cells) != len(layout.columns):
        return _mistake(line, end, text, f"{len(cells)} columns where the header names {len(layout.columns)}")
    at = layout.address_column
    named = dict(zip(layout.columns, cells, strict=True))
    named.pop(layout.columns[at])
    try:
        return Row(line, end, addressee(cells[at]), variables(named), cells[at], "")
    except ValueError as error:
        return _mistake(line, end, cells[at] or text, str(error))


def _mistake(line: int, end: int, shown: str, mistake: str) -> Row:
    """What is shown has no control characters: it is stored, printed and downloaded."""
    clean = "".join(character if character.isprintable() else "\ufffd" for character in shown[:_SHOWN])
    return Row(line, end, None, {}, clean, mistake)


def _text(octets: bytes) -> str:
    # A line that was cut at the limit may end within a character.
    return octets.decode("utf-8", "replace").rstrip("\r\n")


def _skip_line(stream: BinaryIO) -> None:
    while (octets := stream.readline(_LINE_LIMIT)) and not octets.endswith(b"\n"):
        continue
