"""K3: interval and parts give each recipient a due time that never falls, and tell how many are due by now."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from policy.timetable import AT_ONCE, Timetable

SECOND = timedelta(seconds=1)
TABLES = st.builds(
    Timetable, st.integers(0, 100).map(lambda count: count * SECOND), st.integers(1, 12),
    st.integers(0, 1000).map(lambda count: count * SECOND),
    st.lists(st.integers(-50, 1000).map(lambda count: count * SECOND), max_size=11, unique=True).map(sorted).map(tuple),
)  # fmt: skip


def test_without_a_pace_everybody_is_due_at_the_launch() -> None:
    assert AT_ONCE.lasts(1_000_000) == timedelta(0)
    assert AT_ONCE.ready(timedelta(0), 1_000_000) == 1_000_000
    assert AT_ONCE.ready(-SECOND, 5) == 0
    assert AT_ONCE.lasts(0) == timedelta(0)


def test_an_interval_spaces_messages_and_parts_follow_each_other() -> None:
    assert [Timetable(SECOND * 2).due(at, 4) // SECOND for at in range(4)] == [0, 2, 4, 6]
    hourly = Timetable(parts=3, every=SECOND * 60)
    assert [hourly.due(at, 7) // SECOND for at in range(7)] == [0, 0, 0, 60, 60, 60, 120]
    assert hourly.ready(SECOND * 59, 7) == 3
    assert hourly.ready(SECOND * 60, 7) == 6


def test_a_part_that_takes_longer_than_the_pause_puts_the_next_off() -> None:
    both = Timetable(SECOND * 10, parts=2, every=SECOND * 5)
    assert [both.due(at, 4) // SECOND for at in range(4)] == [0, 10, 20, 30]


def test_parts_begin_at_their_own_times_or_when_the_one_before_is_done() -> None:
    own = Timetable(parts=3, starts=(SECOND * 30, SECOND * 100))
    assert [own.due(at, 6) // SECOND for at in range(6)] == [0, 0, 30, 30, 100, 100]
    slow = Timetable(SECOND * 20, parts=3, starts=(SECOND * 30, SECOND * 100))
    assert [slow.due(at, 6) // SECOND for at in range(6)] == [0, 20, 40, 60, 100, 120]
    past = Timetable(parts=2, starts=(-SECOND,))
    assert past.lasts(4) == timedelta(0)


@given(TABLES, st.integers(1, 200))
def test_due_times_never_fall_and_ready_counts_them(table: Timetable, total: int) -> None:
    due = [table.due(at, total) for at in range(total)]
    assert due == sorted(due)
    for at in {0, total // 2, total - 1}:
        assert table.ready(due[at], total) == sum(one <= due[at] for one in due)
