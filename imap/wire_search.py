"""What SEARCH asks for, as a tree of keys (RFC 3501 §6.4.4). Pure; MalformedError.

OLDER, YOUNGER are of RFC 5032, `$` of RFC 5182, MODSEQ of RFC 7162, EMAILID, THREADID of RFC 8474, SAVED* of RFC 8514.

Keys nest at most NESTING deep, NOT and OR included, and there are at most KEYS of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from imap.answer import MalformedError
from imap.wire_cursor import NESTING, Cursor, SequenceSet

KEYS: Final = 500


class Day(Enum):
    """Which day of a mail."""

    ARRIVED = b""  # INTERNALDATE
    SENT = b"SENT"  # of the Date field, in its own zone
    SAVED = b"SAVED"  # when it came into this folder


class When(Enum):
    BEFORE = b"BEFORE"
    ON = b"ON"
    SINCE = b"SINCE"


@dataclass(frozen=True, slots=True)
class All:
    keys: tuple[Key, ...]  # every one; none means every mail


@dataclass(frozen=True, slots=True)
class Either:
    one: Key
    other: Key


@dataclass(frozen=True, slots=True)
class Not:
    key: Key


@dataclass(frozen=True, slots=True)
class HasFlag:
    flag: str  # in lower case


@dataclass(frozen=True, slots=True)
class Numbers:
    """UIDs, or sequence numbers."""

    numbers: SequenceSet
    are_uids: bool


@dataclass(frozen=True, slots=True)
class Recent:
    """What this session was the first to be told of."""


@dataclass(frozen=True, slots=True)
class Size:
    larger: bool  # else smaller
    octets: int


@dataclass(frozen=True, slots=True)
class Dated:
    when: When
    day: date
    of: Day = Day.ARRIVED


@dataclass(frozen=True, slots=True)
class Age:
    older: bool  # else younger
    seconds: int


@dataclass(frozen=True, slots=True)
class Modified:
    """Of this MODSEQ or a higher one."""

    modseq: int


@dataclass(frozen=True, slots=True)
class HasId:
    """Of that EMAILID, or of that THREADID (`conversation`)."""

    identity: str
    conversation: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A header field that holds `needle`; an empty needle: that is there at all."""

    name: str
    needle: str


@dataclass(frozen=True, slots=True)
class Words:
    """`needle` in the body, or (`everywhere`) in header or body."""

    needle: str
    everywhere: bool


Key = All | Either | Not | HasFlag | Numbers | Recent | Size | Dated | Age | Modified | HasId | Field | Words

_FLAGS: Final = {
    b"ANSWERED": "\\answered",
    b"DELETED": "\\deleted",
    b"DRAFT": "\\draft",
    b"FLAGGED": "\\flagged",
    b"SEEN": "\\seen",
}
_SIMPLE: Final[dict[bytes, Key]] = {
    b"ALL": All(()),
    b"NEW": All((Recent(), Not(HasFlag("\\seen")))),
    b"RECENT": Recent(),
    b"OLD": Not(Recent()),
    b"SAVEDATESUPPORTED": All(()),
    **{name: HasFlag(flag) for name, flag in _FLAGS.items()},
    **{b"UN" + name: Not(HasFlag(flag)) for name, flag in _FLAGS.items()},
}
_HEADERS: Final = frozenset((b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO"))


@dataclass(slots=True)
class _Reader:
    cursor: Cursor
    charset: str
    keys: int = 0

    def key(self, depth: int) -> Key:
        self.keys += 1
        if depth > NESTING or self.keys > KEYS:
            raise MalformedError(f"more than {KEYS} keys, or nested deeper than {NESTING}")
        if self.cursor.taken(b"("):
            return self._group(depth)
        if self.cursor.peek().isdigit() or self.cursor.peek() in (b"*", b"$"):
            return Numbers(self.cursor.sequence_set(), are_uids=False)
        name = self.cursor.keyword()
        if name in _SIMPLE:
            return _SIMPLE[name]
        read = _ARGUMENTS.get(name)
        if read is None and name not in _HEADERS:
            raise MalformedError(f"SEARCH knows no {name[:40].decode()}")
        self.cursor.space()
        return Field(name.decode(), self.words()) if read is None else read(self, depth)

    def words(self) -> str:
        octets = self.cursor.astring()
        try:
            return octets.decode(self.charset)
        except UnicodeDecodeError as error:
            raise MalformedError(f"{error.reason} in a {self.charset} string") from error

    def _group(self, depth: int) -> Key:
        keys = [self.key(depth + 1)]
        while not self.cursor.taken(b")"):
            self.cursor.space()
            keys.append(self.key(depth + 1))
        return All(tuple(keys))

    def either(self, depth: int) -> Key:
        one = self.key(depth + 1)
        self.cursor.space()
        return Either(one, self.key(depth + 1))

    def modified(self) -> Key:
        """The name and type of an entry, which we have no MODSEQ of its own for, are read over (RFC 7162 §3.1.5)."""
        if self.cursor.peek() == b'"':
            self.cursor.string()
            self.cursor.space()
            if self.cursor.keyword() not in (b"ALL", b"PRIV", b"SHARED"):
                raise MalformedError("an entry's type is all, priv or shared")
            self.cursor.space()
        return Modified(self.cursor.large_number())

    def keyword(self) -> HasFlag:
        flag = self.cursor.flag()
        if flag.startswith("\\"):
            raise MalformedError(f"{flag} is no keyword (RFC 3501 §9, flag-keyword)")
        return HasFlag(flag.lower())

    def header(self) -> Key:
        name = self.words()
        self.cursor.space()
        return Field(name, self.words())


def _dated(when: When, of: Day) -> Callable[[_Reader, int], Key]:
    return lambda reader, _: Dated(when, reader.cursor.date(), of)


_ARGUMENTS: Final[dict[bytes, Callable[[_Reader, int], Key]]] = {
    b"NOT": lambda reader, depth: Not(reader.key(depth + 1)),
    b"OR": lambda reader, depth: reader.either(depth),
    b"UID": lambda reader, _: Numbers(reader.cursor.sequence_set(), are_uids=True),
    b"KEYWORD": lambda reader, _: reader.keyword(),
    b"UNKEYWORD": lambda reader, _: Not(reader.keyword()),
    b"LARGER": lambda reader, _: Size(True, reader.cursor.number()),
    b"SMALLER": lambda reader, _: Size(False, reader.cursor.number()),
    b"OLDER": lambda reader, _: Age(True, reader.cursor.number()),
    b"YOUNGER": lambda reader, _: Age(False, reader.cursor.number()),
    b"MODSEQ": lambda reader, _: reader.modified(),
    b"HEADER": lambda reader, _: reader.header(),
    b"BODY": lambda reader, _: Words(reader.words(), everywhere=False),
    b"TEXT": lambda reader, _: Words(reader.words(), everywhere=True),
    b"EMAILID": lambda reader, _: HasId(reader.words(), conversation=False),
    b"THREADID": lambda reader, _: HasId(reader.words(), conversation=True),
    **{of.value + when.value: _dated(when, of) for when in When for of in Day},
}


def search_key(cursor: Cursor, charset: str) -> Key:
    """All keys up to the end of the command; every one must hold. `charset`: of the strings, a codec's name."""
    reader = _Reader(cursor, charset)
    keys = [reader.key(0)]
    while not cursor.ended():
        cursor.space()
        keys.append(reader.key(0))
    return All(tuple(keys))
