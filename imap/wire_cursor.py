"""Reads the words of one command, one after the other: atoms, strings, numbers, sets, dates (RFC 3501 §9).

Pure. Every method reads one thing and moves on; MalformedError where something else stands there. Nothing here
recurses; who reads nested lists counts their depth against NESTING.
"""

from __future__ import annotations

import datetime as calendar
import re
from collections.abc import Callable
from typing import Final, TypeVar

from imap.answer import MalformedError, RefusedError
from imap.wire import Request
from mail import mutf7

T = TypeVar("T")
NESTING: Final = 20  # parentheses within parentheses
LARGEST: Final = 4294967295  # a 32-bit number
_ATOM: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_ASTRING: Final = _ATOM
_LIST_MAILBOX: Final = re.compile(rb"[!#$%&'*+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_FLAG: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_KEYWORD: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]+")
_QUOTED: Final = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_NUMBER: Final = re.compile(rb"[0-9]{1,10}")
_LARGE_NUMBER: Final = re.compile(rb"[0-9]{1,19}")
_SET: Final = re.compile(rb"[0-9*:,]+")
_RANGE: Final = re.compile(rb"(\*|[1-9][0-9]{0,9})(?::(\*|[1-9][0-9]{0,9}))?")
_LITERAL: Final = re.compile(rb"(~?)\{[0-9]+\+?\}\r\n")
_DATE: Final = re.compile(rb"([ 0-9]?[0-9])-([A-Za-z]{3})-([0-9]{4})")
_TIME: Final = re.compile(rb" ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})")
MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")

Range = tuple[int, int]  # 0 stands for `*`
SequenceSet = tuple[Range, ...]
SAVED: Final[SequenceSet] = ()  # `$`, what the last SEARCH saved (RFC 5182); no set that is written is empty


class Cursor:
    """A place in a request."""

    def __init__(self, request: Request, utf8_names: bool = False) -> None:
        """`utf8_names`: mailbox names are UTF-8, not modified UTF-7."""
        self._utf8_names = utf8_names
        self._line = request.line
        self._literals = iter(request.literals)
        self.at = 0

    def ended(self) -> bool:
        return self.at >= len(self._line)

    def end(self) -> None:
        if not self.ended():
            raise MalformedError(f"unexpected {_shown(self._line, self.at)} at the end")

    def skip(self) -> None:
        """The rest cannot be read, and need not be."""
        self.at = len(self._line)

    def space(self) -> None:
        self.expect(b" ")

    def expect(self, word: bytes) -> None:
        if not self.taken(word):
            raise MalformedError(f"{word.decode()!r} expected, found {_shown(self._line, self.at)}")

    def taken(self, word: bytes) -> bool:
        """Whether exactly these octets stood here; they are read then."""
        if not self._line.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def word_taken(self, word: bytes) -> bool:
        """As `taken`, in capitals or not."""
        end = self.at + len(word)
        if self._line[self.at : end].upper() != word:
            return False
        self.at = end
        return True

    def peek(self) -> bytes:
        """The next octet, or nothing at the end."""
        return self._line[self.at : self.at + 1]

    def atom(self) -> bytes:
        return self.match(_ATOM, "an atom")[0]

    def keyword(self) -> bytes:
        """A word of the protocol, in capitals; a bracket ends it."""
        return self.match(_KEYWORD, "a word")[0].upper()

    def expect_word(self, word: bytes) -> None:
        """This word of the protocol, in capitals or not."""
        if self.keyword() != word:
            raise MalformedError(f"{word.decode()} expected")

    def word_follows(self, word: bytes) -> bool:
        """Whether this word of the protocol stood here; it is read then."""
        found = _KEYWORD.match(self._line, self.at)
        if found is None or found[0].upper() != word:
            return False
        self.at = found.end()
        return True

    def base64(self) -> bytes:
        """An initial response of SASL; not decoded, `=` alone where it is empty (RFC 4959)."""
        return self.match(_BASE64, "base64")[0]

    def number(self) -> int:
        value = int(self.match(_NUMBER, "a number")[0])
        if value > LARGEST:
            raise MalformedError(f"{value} is no 32-bit number")
        return value

    def large_number(self) -> int:
        """Of 63 bits, as a MODSEQ is (RFC 7162 §7)."""
        value = int(self.match(_LARGE_NUMBER, "a number")[0])
        if value >= 1 << 63:
            raise MalformedError(f"{value} is no 63-bit number")
        return value

    def string(self) -> bytes:
        """A quoted string or a literal."""
        if self.peek() == b'"':
            return re.sub(rb"\\(.)", rb"\1", self.match(_QUOTED, "a quoted string")[1])
        return self.literal()

    def astring(self) -> bytes:
        return self.string() if self.peek() in (b'"', b"{", b"~") else self.match(_ASTRING, "a string")[0]

    def nstring(self) -> bytes | None:
        """A string, or None for the atom NIL; the string "NIL" is a string."""
        if self.peek() in (b'"', b"{", b"~"):
            return self.string()
        if self.keyword() == b"NIL":
            return None
        raise MalformedError("a string or NIL expected")

    def literal(self) -> bytes:
        self.match(_LITERAL, "a string")
        return next(self._literals)

    def mailbox(self) -> str:
        return self._name(self.astring())

    def list_mailbox(self) -> str:
        """A name with the wildcards of LIST."""
        quoted = self.peek() in (b'"', b"{")
        octets = self.string() if quoted else self.match(_LIST_MAILBOX, "a mailbox pattern")[0]
        try:
            return self._name(octets)
        except RefusedError:  # no name of ours looks like that: it finds none
            return "\0"

    def flag(self) -> str:
        backslash = "\\" if self.taken(b"\\") else ""
        return backslash + self.match(_FLAG, "a flag")[0].decode("ascii")

    def flag_list(self) -> list[str]:
        return self.listed(self.flag)

    def listed(self, read: Callable[[], T]) -> list[T]:
        """`(` things `)`, possibly none, one space between."""
        self.expect(b"(")
        found: list[T] = []
        while not self.taken(b")"):
            if found:
                self.space()
            found.append(read())
        return found

    def sequence_set(self) -> SequenceSet:
        if self.taken(b"$"):
            return SAVED
        text = self.match(_SET, "a sequence set")[0]
        return tuple(_range(piece) for piece in text.split(b","))

    def date(self) -> calendar.date:
        """A date, quoted or not, as SEARCH has it."""
        quoted = self.taken(b'"')
        found = self._date()
        if quoted:
            self.expect(b'"')
        return found

    def date_time(self) -> calendar.datetime:
        """A quoted date, time and zone, as APPEND has it; in UTC."""
        self.expect(b'"')
        day = self._date()
        clock = self.match(_TIME, "a time and a zone")
        self.expect(b'"')
        hour, minute, second = (int(clock[n]) for n in (1, 2, 3))
        sign = -1 if clock[4] == b"-" else 1
        offset = sign * calendar.timedelta(hours=int(clock[5]), minutes=int(clock[6]))
        try:
            local = calendar.datetime(
                day.year, day.month, day.day, hour, minute, min(second, 59), tzinfo=calendar.timezone(offset)
            )
            return local.astimezone(calendar.UTC)
        except (ValueError, OverflowError) as error:
            raise MalformedError(f"no such time: {error}") from error

    def match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = pattern.match(self._line, self.at)
        if found is None:
            raise MalformedError(f"{what} expected, found {_shown(self._line, self.at)}")
        self.at = found.end()
        return found

    def _name(self, octets: bytes) -> str:
        try:
            name = octets.decode() if self._utf8_names else mutf7.decode(octets)
        except ValueError as error:
            raise RefusedError(str(error), b"CANNOT") from error
        first, slash, rest = name.partition("/")
        return "INBOX" + slash + rest if first.upper() == "INBOX" else name

    def _date(self) -> calendar.date:
        found = self.match(_DATE, "a date")
        month = found[2].title()
        try:
            return calendar.date(int(found[3]), MONTHS.index(month) + 1, int(found[1]))
        except ValueError as error:
            raise MalformedError(f"no such date: {found[0].decode()}") from error


def _range(piece: bytes) -> Range:
    found = _RANGE.fullmatch(piece)
    if found is None:
        raise MalformedError(f"{piece[:40].decode()!r} is no sequence set")
    low = _place(found[1])
    return (low, low if found[2] is None else _place(found[2]))


def _place(word: bytes) -> int:
    if word == b"*":
        return 0
    if (value := int(word)) > LARGEST:
        raise MalformedError(f"{value} is no 32-bit number")
    return value


def _shown(line: bytes, at: int) -> str:
    return repr(line[at : at + 20].decode("ascii", "backslashreplace")) if at < len(line) else "the end of the line"
