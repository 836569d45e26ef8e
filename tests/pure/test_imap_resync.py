"""What vanished, against a plain set of numbers."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from imap.resync import Resync, unchanged_upto, vanished, within

LAST = 40
UIDS = st.sets(st.integers(1, LAST)).map(lambda found: array("I", sorted(found)))
RANGES = st.lists(st.tuples(st.integers(0, LAST + 5), st.integers(0, LAST + 5)), max_size=6).map(tuple)


def plain(ranges: tuple[tuple[int, int], ...]) -> set[int]:
    ends = [sorted((low or LAST, high or LAST)) for low, high in ranges]
    return {uid for low, high in ends for uid in range(low, high + 1) if uid <= LAST}


@given(UIDS, RANGES)
def test_without_a_log_everything_known_that_is_not_there_vanished(present: array[int], known: tuple) -> None:
    found = {uid for low, high in vanished(None, known, present, LAST) for uid in range(low, high + 1)}
    assert found == plain(known) - set(present)


@given(UIDS, RANGES)
def test_with_a_log_what_it_names_and_the_client_knows_vanished(log: array[int], known: tuple) -> None:
    found = vanished(list(log), known, array("I"), LAST)
    assert {uid for low, high in found for uid in range(low, high + 1)} == set(log) & plain(known)


@given(UIDS, RANGES)
def test_within_is_the_intersection(uids: array[int], known: tuple) -> None:
    assert within(uids, known, LAST) == [uid for uid in uids if uid in plain(known)]


def test_numbers_that_still_match_need_not_be_told_again() -> None:
    present = array("I", [2, 4, 9, 11])
    asked = Resync(1, 1, None, ((1, 3),), ((2, 2), (4, 4), (9, 9)))
    assert unchanged_upto(asked, present) == 9
    assert vanished(None, None, present, 12, 9) == [(10, 10), (12, 12)]
    assert unchanged_upto(Resync(1, 1, None, ((1, 2),), ((1, 2),)), present) == 0
    assert unchanged_upto(Resync(1, 1, None, ((1, 4294967295),), ((1, 4294967295),)), array("I")) == 0
