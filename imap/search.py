"""Which mails a tree of SEARCH keys finds (RFC 3501 §6.4.4).

Rows answer flags, sizes and dates; octets are read only for keys that ask for header or words, and only for mails
that the other keys have left. Strings compare by substring without regard to case, in the decoded header and the
decoded text of the parts. A mail that cannot be parsed is searched as the octets it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final

from imap.wire_cursor import SequenceSet
from imap.wire_search import Age, All, Dated, Either, Field, HasFlag, Key, Not, Numbers, Size, When, Words
from mail import parts
from mail.parts import Headers, Parsed, UnparsableError

COLUMNS: Final = ("flags", "internaldate", "size_bytes", "content_id")
_DATES: Final[dict[When, Callable[[date, date], bool]]] = {
    When.BEFORE: lambda day, limit: day < limit,
    When.ON: lambda day, limit: day == limit,
    When.SINCE: lambda day, limit: day >= limit,
}


@dataclass
class Candidate:
    """One mail, what is costly about it worked out at first need."""

    uid: int
    number: int
    flags: str
    internaldate: datetime
    size_bytes: int
    read: Callable[[], bytes | None]
    now: datetime

    @cached_property
    def flag_names(self) -> frozenset[str]:
        return frozenset(self.flags.lower().split())

    @cached_property
    def octets(self) -> bytes:
        return self.read() or b""

    @cached_property
    def headers(self) -> Headers:
        try:
            return parts.header_fields(parts.split_head(self.octets)[0])
        except UnparsableError:
            return Headers(())

    @cached_property
    def header_words(self) -> str:
        fields = (f"{name}: {parts.decoded_words(value)}" for name, value in self.headers.fields)
        return "\n".join(fields).casefold()

    @cached_property
    def body_words(self) -> str:
        parsed = self._parsed()
        if parsed is None:
            return parts.split_head(self.octets)[1].decode("utf-8", "replace").casefold()
        whole = len(self.octets)
        return "\n".join(_readable(leaf, whole) for leaf in parsed.leaves).casefold()

    def _parsed(self) -> Parsed | None:
        try:
            return parts.parse(self.octets)
        except UnparsableError:
            return None


def _readable(leaf: parts.Part, limit: int) -> str:
    """Text parts decoded; an inner message as it stands; nothing of what is no text."""
    return leaf.text(limit) if leaf.content_type.startswith(("text/", "message/")) else ""


def cost(key: Key) -> int:
    """0 where a row answers it, 1 where the header does, 2 where the whole mail must be read."""
    match key:
        case Words():
            return 2
        case Field() | Dated(sent=True):
            return 1
        case All(keys=keys):
            return max(map(cost, keys), default=0)
        case Either(one=one, other=other):
            return max(cost(one), cost(other))
        case Not(key=inner):
            return cost(inner)
    return 0


def ordered(key: Key) -> Key:
    """The same key with the cheap ones first, so that costly ones see few mails."""
    match key:
        case All(keys=keys):
            return All(tuple(sorted(map(ordered, keys), key=cost)))
        case Either(one=one, other=other):
            return Either(*sorted((ordered(one), ordered(other)), key=cost))
        case Not(key=inner):
            return Not(ordered(inner))
    return key


def holds(key: Key, mail: Candidate, last_number: int, last_uid: int) -> bool:
    """Whether `mail` is found. `last_*`: what `*` stands for. The parser has bounded the depth."""
    match key:
        case All(keys=keys):
            return all(holds(inner, mail, last_number, last_uid) for inner in keys)
        case Either(one=one, other=other):
            return holds(one, mail, last_number, last_uid) or holds(other, mail, last_number, last_uid)
        case Not(key=inner):
            return not holds(inner, mail, last_number, last_uid)
        case Numbers(numbers=numbers, are_uids=True):
            return _within(mail.uid, numbers, last_uid)
        case Numbers(numbers=numbers):
            return _within(mail.number, numbers, last_number)
    return _SINGLE[type(key)](key, mail)


def _within(value: int, numbers: SequenceSet, last: int) -> bool:
    return any(min(low or last, high or last) <= value <= max(low or last, high or last) for low, high in numbers)


def _dated(key: Dated, mail: Candidate) -> bool:
    day = _sent(mail) if key.sent else mail.internaldate.date()
    return day is not None and _DATES[key.when](day, key.day)


def _sent(mail: Candidate) -> date | None:
    """The day of the Date field, as its own zone has it (RFC 3501: disregarding time and timezone)."""
    try:
        return parsedate_to_datetime(mail.headers.get("date")).date()
    except (ValueError, IndexError, OverflowError):
        return None


def _aged(key: Age, mail: Candidate) -> bool:
    is_older = mail.internaldate <= mail.now - timedelta(seconds=key.seconds)
    return is_older is key.older


def _field(key: Field, mail: Candidate) -> bool:
    needle = key.needle.casefold()
    return any(needle in parts.decoded_words(value).casefold() for value in mail.headers.all(key.name.lower()))


def _words(key: Words, mail: Candidate) -> bool:
    needle = key.needle.casefold()
    return (key.everywhere and needle in mail.header_words) or needle in mail.body_words


_SINGLE: Final[dict[type, Callable[[Any, Candidate], bool]]] = {
    HasFlag: lambda key, mail: key.flag in mail.flag_names,
    Size: lambda key, mail: mail.size_bytes > key.octets if key.larger else mail.size_bytes < key.octets,
    Dated: _dated,
    Age: _aged,
    Field: _field,
    Words: _words,
}


def found(key: Key, mails: Iterator[Candidate], last_number: int, last_uid: int) -> Iterator[Candidate]:
    """Those of `mails` that the key finds, in their order."""
    key = ordered(key)
    return (mail for mail in mails if holds(key, mail, last_number, last_uid))
