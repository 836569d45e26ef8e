"""Which UIDs a client knows that are gone: VANISHED (EARLIER) (RFC 7162 §3.2.5-6). Pure.

Where the folder remembers what was expunged, that is told; else every UID that could have been and is not there.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from imap.wire_cursor import Range, SequenceSet


@dataclass(frozen=True, slots=True)
class Resync:
    """SELECT's QRESYNC parameter. `known`: the client's UIDs, None for all; `numbers`, `uids`: what matched each."""

    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None
    numbers: SequenceSet = ()
    uids: SequenceSet = ()


def vanished(
    log: Sequence[int] | None, known: SequenceSet | None, present: array[int], last: int, unchanged: int = 0
) -> list[Range]:
    """Ranges of UIDs, ascending. `last`: the highest UID ever given; up to `unchanged` nothing is missing."""
    ranges = _merged(((1, last),) if known is None else known, last)
    if log is None:
        return list(_absent(ranges, present, unchanged + 1))
    return _merged(tuple((uid, uid) for uid in _inside(log, ranges)), last)


def unchanged_upto(asked: Resync, present: array[int]) -> int:
    """The highest UID up to which numbers and UIDs are still paired as the client has them."""
    highest = 0
    for number, uid in zip(_each(asked.numbers), _each(asked.uids), strict=False):
        if number > len(present) or present[number - 1] != uid:
            break
        highest = uid
    return highest


def within(uids: Iterable[int], known: SequenceSet | None, last: int) -> list[int]:
    """Those of `uids` (ascending) that `known` has; all where it is None."""
    if known is None:
        return list(uids)
    return _inside(uids, _merged(known, last))


def _inside(uids: Iterable[int], ranges: Sequence[Range]) -> list[int]:
    starts = [low for low, _ in ranges]
    return [uid for uid in uids if (place := bisect_right(starts, uid) - 1) >= 0 and uid <= ranges[place][1]]


def _merged(ranges: SequenceSet, last: int) -> list[Range]:
    """Ascending, without overlaps, none beyond `last`; 0 stands for `*`."""
    ordered = sorted((min(low or last, high or last), max(low or last, high or last)) for low, high in ranges)
    merged: list[Range] = []
    for low, high in ordered:
        top = min(high, last)
        if low > top:
            continue
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], top))
        else:
            merged.append((low, top))
    return merged


def _absent(ranges: Iterable[Range], present: array[int], first: int) -> Iterator[Range]:
    for low, high in ranges:
        expected = max(low, first)
        for place in range(bisect_left(present, expected), bisect_right(present, high)):
            if present[place] > expected:
                yield (expected, present[place] - 1)
            expected = present[place] + 1
        if expected <= high:
            yield (expected, high)


def _each(ranges: SequenceSet) -> Iterator[int]:
    for low, high in ranges:
        yield from range(low, high + 1)
