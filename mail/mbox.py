"""Mails in one file, each behind a `From ` line (RFC 4155): read as mboxrd or mboxo, written as mboxrd.

Pure; whoever opens the file calls it. `mails` holds one mail at a time and never more than `limit` octets of it. What
`written` made is read back to the same octets, flags and date: a mail of CRLF lines is kept with LF, as other programs
want it, any other as it is, and the last field of ours above it says which, how many octets, and its time. Other
programs' flags are read from Status, X-Status, X-Keywords and X-Mozilla-Status, which stay in the mail.
MboxError names the octet of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import BinaryIO, Final

from mail.header import Headers
from mail.mbox_date import separator_date

_PIECE: Final = 64 * 1024
_BLANK: Final = (b"\n", b"\r\n")
_CLOCK: Final = re.compile(rb" \d{1,2}:\d\d")  # without one a line that begins with From is somebody's text
_QUOTED: Final = re.compile(rb">+From ")
_TO_QUOTE: Final = re.compile(rb"^(?=>*From )", re.MULTILINE)
_MARK: Final = re.compile(
    rb"(?:Status: (?P<status>[A-Z]*)\n)?(?:X-Status: (?P<more>[A-Z]*)\n)?(?:X-Keywords: (?P<keywords>[^\n]*)\n)?"
    rb"X-Mailloft-Mail: octets=(?P<octets>\d{1,12}); lines=(?P<lines>lf|kept); at=(?P<at>[0-9T:.+-]{19,32})\n"
)
_LETTERS: Final = {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "T": "\\Draft", "D": "\\Deleted"}
_MOZILLA: Final = {0x1: "\\Seen", 0x2: "\\Answered", 0x4: "\\Flagged", 0x8: "\\Deleted", 0x1000: "$Forwarded"}


class MboxError(Exception):
    """This is no mbox, from the octet `at` on."""

    def __init__(self, at: int, words: str) -> None:
        super().__init__(words)
        self.at = at


class Quoting(Enum):
    """How a line of a mail that begins with `From ` is told from the next mail."""

    RD = "mboxrd"  # each of >*From has one > more
    O = "mboxo"  # noqa: E741 - its name; From alone has one


@dataclass(frozen=True, slots=True)
class Found:
    """A mail that begins at the octet `at`. `octets` is None where it is larger than the limit. `date` is aware."""

    at: int
    size: int
    octets: bytes | None
    flags: tuple[str, ...]
    date: datetime | None


def mails(stream: BinaryIO, limit: int, quoting: Quoting) -> Iterator[Found]:
    """In their order. MboxError where the file begins with something else, or a mail of our own is not whole."""
    current: _Open | None = None
    blank = at_start = True
    at = 0
    while line := stream.readline(_PIECE):
        if at_start and blank and line.startswith(b"From ") and _CLOCK.search(line):
            if current is not None:
                yield current.closed()
            current = _Open(at, line, limit)
        elif current is not None:
            current.add(_unquoted(line, quoting) if at_start else line)
        elif line.strip():
            raise MboxError(at, "an mbox begins with a line `From SENDER DATE`")
        blank = at_start and line in _BLANK
        at_start = line.endswith(b"\n")
        at += len(line)
    if current is not None:
        yield current.closed()


def written(octets: bytes, flags: Sequence[str], date: datetime) -> bytes:
    """One mail as a file has it, `From ` line first, blank line last."""
    kept = _holds_other_than_crlf(octets)
    body = octets if kept else octets.replace(b"\r\n", b"\n")
    asctime = date.astimezone(UTC).strftime("%a %b %d %H:%M:%S %Y").encode()
    above = [b"From MAILER-DAEMON ", asctime, b"\n", *_flag_fields(flags)]
    at = date.astimezone(UTC).isoformat().encode()
    mark = b"X-Mailloft-Mail: octets=%d; lines=%b; at=%b\n" % (len(body), b"kept" if kept else b"lf", at)
    end = b"\n" if body.endswith(b"\n") else b"\n\n"
    return b"".join([*above, mark, _TO_QUOTE.sub(b">", body), end])


def _holds_other_than_crlf(octets: bytes) -> bool:
    pairs = octets.count(b"\r\n")
    return octets.count(b"\n") != pairs or octets.count(b"\r") != pairs


def _flag_fields(flags: Sequence[str]) -> Iterator[bytes]:
    by_flag = {flag: letter for letter, flag in _LETTERS.items()}
    letters = "".join(sorted(by_flag[flag] for flag in flags if flag in by_flag))
    keywords = " ".join(flag for flag in flags if flag not in by_flag)
    yield b"Status: %bO\n" % (b"R" if "R" in letters else b"")
    if rest := letters.replace("R", ""):
        yield b"X-Status: %b\n" % rest.encode()
    if keywords:
        yield b"X-Keywords: %b\n" % keywords.encode()


def _unquoted(line: bytes, quoting: Quoting) -> bytes:
    quoted = line.startswith(b">From ") if quoting is Quoting.O else _QUOTED.match(line) is not None
    return line[1:] if quoted else line


class _Open:
    """A mail that is being read; what is over the limit is counted and not held."""

    def __init__(self, at: int, line: bytes, limit: int) -> None:
        self._at = at
        self._line = line
        self._limit = limit + 4096  # the fields of ours above it
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._limit:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def closed(self) -> Found:
        if self._size > self._limit:
            return Found(self._at, self._size, None, (), None)
        if self._pieces and self._pieces[-1] in _BLANK:
            self._pieces.pop()
        octets = b"".join(self._pieces)
        mark = _MARK.match(octets)
        return self._foreign(octets) if mark is None else self._own(octets[mark.end() :], mark)

    def _own(self, body: bytes, mark: re.Match[bytes]) -> Found:
        size = int(mark["octets"])
        if not size <= len(body) <= size + 1:
            raise MboxError(self._at, f"this mail should have {size} octets and has {len(body)}: the file was changed")
        octets = body[:size] if mark["lines"] == b"kept" else body[:size].replace(b"\n", b"\r\n")
        letters = (mark["status"] or b"") + (mark["more"] or b"")
        keywords = (mark["keywords"] or b"").decode("utf-8", "replace").split()
        try:
            date = datetime.fromisoformat(mark["at"].decode())
        except ValueError as error:
            raise MboxError(self._at, f"the time {mark['at'].decode()} of this mail is none") from error
        return Found(self._at, len(octets), octets, (*_of_letters(letters.decode()), *keywords), _aware(date))

    def _foreign(self, octets: bytes) -> Found:
        crlf = octets if b"\r\n" in octets else octets.replace(b"\n", b"\r\n")
        return Found(self._at, len(crlf), crlf, _told_flags(Headers.of(crlf)), separator_date(self._line))


def _told_flags(headers: Headers) -> tuple[str, ...]:
    """What another program wrote into the header."""
    flags = _of_letters(f"{headers.first('Status') or ''}{headers.first('X-Status') or ''}")
    flags += (headers.first("X-Keywords") or "").replace(",", " ").split()
    mozilla = (headers.first("X-Mozilla-Status") or "").strip()
    if re.fullmatch("[0-9a-fA-F]{4}", mozilla):
        flags += [flag for bit, flag in _MOZILLA.items() if int(mozilla, 16) & bit]
    return tuple(dict.fromkeys(flags))


def _of_letters(letters: str) -> list[str]:
    return [_LETTERS[letter] for letter in dict.fromkeys(letters) if letter in _LETTERS]


def _aware(date: datetime) -> datetime:
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
