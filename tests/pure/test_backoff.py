"""When a deferred row is tried again: doubling up to the longest pause, never behind its lifetime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policy.backoff import Backoff, next_attempt

QUEUED = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Backoff(timedelta(minutes=5), timedelta(hours=4), timedelta(days=3))


def pause(attempts: int, jitter: float = 0.0) -> timedelta | None:
    due = next_attempt(attempts, QUEUED, QUEUED, PLAN, jitter)
    return None if due is None else due - QUEUED


def test_pauses_double_up_to_the_longest() -> None:
    minutes = [pause(attempts) for attempts in range(1, 9)]
    assert minutes == [timedelta(minutes=count) for count in (5, 10, 20, 40, 80, 160, 240, 240)]


def test_an_attempt_that_would_come_after_the_lifetime_is_none() -> None:
    end = QUEUED + PLAN.lifetime
    assert next_attempt(1, QUEUED, end - timedelta(minutes=5), PLAN, 0.0) == end
    assert next_attempt(1, QUEUED, end - timedelta(minutes=5, microseconds=-1), PLAN, 0.0) is None


def test_a_thousand_rows_deferred_together_come_back_over_a_quarter_of_the_pause() -> None:
    dues = {pause(1, step / 1000) for step in range(1000)}
    assert len(dues) == 1000
    assert all(timedelta(minutes=5) <= due < timedelta(minutes=6.25) for due in dues if due)


@given(st.integers(1, 10_000), st.timedeltas(timedelta(0), timedelta(days=4)), st.floats(0, 1))
def test_however_often_and_however_late_it_is_later_than_now_and_within_the_lifetime(
    attempts: int, age: timedelta, jitter: float
) -> None:
    now = QUEUED + age
    due = next_attempt(attempts, QUEUED, now, PLAN, jitter)
    if due is not None:
        assert now + PLAN.first <= due <= now + PLAN.longest * 1.25
        assert due <= QUEUED + PLAN.lifetime
        assert due.tzinfo is not None
