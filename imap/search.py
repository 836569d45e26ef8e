"""Whether a tree of SEARCH keys finds a mail, as far as what has been read of it tells (RFC 3501 §6.4.4). Pure.

A mail is read in steps, each dearer than the one before: its place, its row, its header, its text. After each, a key
holds, does not, or cannot be told yet (None); only mails of which nothing can be told are read on. Strings compare by
substring without regard to case, in what mail/search_text made of the mail.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from imap.wire_cursor import SAVED, Range, SequenceSet
from imap.wire_search import (
    Age,
    All,
    Dated,
    Day,
    Either,
    Field,
    HasFlag,
    HasId,
    Key,
    Modified,
    Not,
    Numbers,
    Recent,
    Size,
    When,
    Words,
)
from mail.search_text import fold, values_of
from mail.sort_keys import SortKeys


class Read(IntEnum):
    """What has been read of a mail."""

    PLACE = 0
    ROW = 1
    HEADER = 2
    TEXT = 3


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Mail:
    """Attributes behind `read` are not to be looked at; of a row, only those that `columns` names are there."""

    uid: int
    number: int
    read: Read = Read.PLACE
    flags: str = ""
    internaldate: datetime = _NEVER
    saved_at: datetime = _NEVER
    size_bytes: int = 0
    modseq: int = 0
    email_id: str = ""
    thread_id: str = ""
    header: bytes = b""
    keys: bytes = b""
    inner: bytes = b""
    text: bytes | None = b""  # None for a moment, where none is kept


Judge = Callable[[Mail], bool | None]

_DAYS: Final[dict[When, Callable[[int, int], bool]]] = {
    When.BEFORE: lambda day, limit: day < limit,
    When.ON: lambda day, limit: day == limit,
    When.SINCE: lambda day, limit: day >= limit,
}


@dataclass(frozen=True, slots=True)
class Place:
    """What `*` and `$` stand for, and when the search began. `recent`: UIDs from the first to before the second."""

    last_number: int
    last_uid: int
    saved: frozenset[int]
    now: datetime
    recent: tuple[Range, ...] = ()


def leaves(key: Key) -> Iterator[Key]:
    """The leaves of the tree."""
    match key:
        case All(keys=keys):
            for one in keys:
                yield from leaves(one)
        case Either(one=one, other=other):
            yield from leaves(one)
            yield from leaves(other)
        case Not(key=inner):
            yield from leaves(inner)
        case _:
            yield key


def columns(key: Key) -> dict[Read, list[str]]:
    """What has to be read for it, by the step that reads it."""
    wanted: dict[Read, set[str]] = {}
    for leaf in leaves(key):
        for step, names in _needs(leaf).items():
            wanted.setdefault(step, set()).update(names)
    if Read.TEXT in wanted and not any(isinstance(leaf, Field) or _is_sent(leaf) for leaf in leaves(key)):
        # The header sifts nothing by itself, so it comes with the text: one look at each mail instead of two.
        wanted[Read.TEXT] |= wanted.pop(Read.HEADER, set())
    return {step: sorted(names) for step, names in wanted.items()}


def _is_sent(leaf: Key) -> bool:
    return isinstance(leaf, Dated) and leaf.of is Day.SENT


def _needs(leaf: Key) -> dict[Read, tuple[str, ...]]:
    match leaf:
        case HasFlag():
            return {Read.ROW: ("flags",)}
        case Size():
            return {Read.ROW: ("size_bytes",)}
        case Modified():
            return {Read.ROW: ("modseq",)}
        case HasId():
            return {Read.ROW: ("thread_id" if leaf.conversation else "email_id",)}
        case Age() | Dated(of=Day.ARRIVED):
            return {Read.ROW: ("internaldate",)}
        case Dated(of=Day.SAVED):
            return {Read.ROW: ("saved_at",)}
        case Dated():
            return {Read.HEADER: ("keys",)}
        case Field():
            return {Read.HEADER: ("header",)}
        case Words(everywhere=True):
            return {Read.HEADER: ("header",), Read.TEXT: ("inner", "text")}
        case Words():
            return {Read.TEXT: ("text",)}
    return {}


def judge(key: Key, place: Place) -> Judge:
    """The key as a function, the cheap ones of its parts first. The parser has bounded the depth."""
    match key:
        case All(keys=keys):
            return _every([judge(one, place) for one in sorted(keys, key=_cost)])
        case Either(one=one, other=other):
            first, second = sorted((one, other), key=_cost)
            return _any(judge(first, place), judge(second, place))
        case Not(key=inner):
            return _not(judge(inner, place))
        case Numbers(numbers=numbers, are_uids=are_uids):
            return _numbers(numbers, are_uids, place)
        case Recent():
            return lambda mail: any(low <= mail.uid < end for low, end in place.recent)
        case Field():
            return _field(key)
        case Words():
            return _words(key)
        case Dated(of=Day.SENT):
            return _sent(key)
    return _of_row(key, place)


def _cost(key: Key) -> int:
    return max((step for leaf in leaves(key) for step in _needs(leaf)), default=Read.PLACE)


def _every(judges: list[Judge]) -> Judge:
    def every(mail: Mail) -> bool | None:
        known: bool | None = True
        for one in judges:
            found = one(mail)
            if found is False:
                return False
            known = known and found
        return known

    return judges[0] if len(judges) == 1 else every


def _any(first: Judge, second: Judge) -> Judge:
    def either(mail: Mail) -> bool | None:
        one = first(mail)
        if one:
            return True
        other = second(mail)
        return True if other else one if one is None else other

    return either


def _not(inner: Judge) -> Judge:
    def opposite(mail: Mail) -> bool | None:
        found = inner(mail)
        return None if found is None else not found

    return opposite


def _numbers(numbers: SequenceSet, are_uids: bool, place: Place) -> Judge:
    if numbers == SAVED:
        return lambda mail: mail.uid in place.saved
    last = place.last_uid if are_uids else place.last_number
    if not are_uids:  # `3:*` of two mails is no number that a mail has; of UIDs it is the last (RFC 3501 §6.4.8)
        numbers = tuple(ends for ends in numbers if not (0 in ends and max(ends) > last))
    ranges = _merged(sorted(tuple(sorted((low or last, high or last))) for low, high in numbers))
    lows = [low for low, _ in ranges]

    def within(mail: Mail) -> bool:
        value = mail.uid if are_uids else mail.number
        place = bisect_left(lows, value + 1) - 1
        return place >= 0 and value <= ranges[place][1]

    return within


def _merged(ranges: list[tuple[int, ...]]) -> list[list[int]]:
    merged: list[list[int]] = []
    for low, high in ranges:
        if merged and low <= merged[-1][1]:
            merged[-1][1] = max(high, merged[-1][1])
        else:
            merged.append([low, high])
    return merged


def _of_row(key: Key, place: Place) -> Judge:
    found = _row_test(key, place)
    return lambda mail: found(mail) if mail.read >= Read.ROW else None


def _row_test(key: Key, place: Place) -> Callable[[Mail], bool]:
    match key:
        case HasFlag(flag=flag):
            padded = f" {flag} "
            return lambda mail: padded in f" {mail.flags} ".lower()
        case Size(larger=True, octets=octets):
            return lambda mail: mail.size_bytes > octets
        case Size(octets=octets):
            return lambda mail: mail.size_bytes < octets
        case Modified(modseq=modseq):
            return lambda mail: mail.modseq >= modseq
        case HasId(identity=identity, conversation=True):
            return lambda mail: mail.thread_id == identity
        case HasId(identity=identity):
            return lambda mail: mail.email_id == identity
        case Age(older=older, seconds=seconds):
            limit = _before(place.now, seconds)
            return lambda mail: (mail.internaldate <= limit) is older
        case Dated(when=when, day=day, of=of):
            holds, ordinal, saved = _DAYS[when], day.toordinal(), of is Day.SAVED
            return lambda mail: holds((mail.saved_at if saved else mail.internaldate).toordinal(), ordinal)
    raise AssertionError(key)


def _before(now: datetime, seconds: int) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:  # longer than there was a calendar
        return _NEVER


def _sent(key: Dated) -> Judge:
    """A mail without a date is of no day, and so before each: BEFORE is the contrary of SINCE, as Dovecot has it."""
    holds, ordinal, undated = _DAYS[key.when], key.day.toordinal(), key.when is When.BEFORE

    def sent(mail: Mail) -> bool | None:
        if mail.read < Read.HEADER:
            return None
        day = SortKeys.from_bytes(mail.keys).day
        return holds(day, ordinal) if day is not None else undated

    return sent


def _field(key: Field) -> Judge:
    """An empty needle: the field is there at all."""
    name, needle = fold(key.name), fold(key.needle.replace("\t", " "))

    def field(mail: Mail) -> bool | None:
        if mail.read < Read.HEADER:
            return None
        return needle in mail.header and any(needle in value for value in values_of(mail.header, name))

    return field


def _words(key: Words) -> Judge:
    needle = fold(key.needle)
    in_header = needle.replace(b"\t", b" ")

    def in_parts(mail: Mail) -> bool:
        return mail.text is not None and needle in mail.text

    def everywhere(mail: Mail) -> bool | None:
        if mail.read < Read.HEADER:
            return None
        if in_header in mail.header:
            return True
        return None if mail.read < Read.TEXT else in_header in mail.inner or in_parts(mail)

    def in_text(mail: Mail) -> bool | None:
        return None if mail.read < Read.TEXT else in_parts(mail)

    return everywhere if key.everywhere else in_text
