"""What a plot shows: every hour of a short span, every day of a long one, nothing left out of the sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from admin.pages.render import plotted
from store.breakers import Hour

FIRST = datetime(2026, 3, 4, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_short_span_is_shown_by_the_hour_of_a_day_at_least() -> None:
    shown = plotted({FIRST: Hour(sent=5), FIRST + 2 * HOUR: Hour(bounced=1)})
    assert not shown.by_day
    seconds, sent, bounced, *_ = shown.rows
    assert len(seconds) == 25
    assert (sum(sent), sum(bounced)) == (5, 1)
    assert {two - one for one, two in zip(seconds, seconds[1:], strict=False)} == {3600.0}


def test_a_long_one_is_shown_by_the_day_with_the_same_sums() -> None:
    hours = {FIRST + at * HOUR: Hour(sent=1, replied=at % 2) for at in range(20 * 24)}
    shown = plotted(hours)
    assert shown.by_day
    assert shown.times[FIRST.replace(hour=0)] == Hour(sent=2, replied=1)
    seconds, sent, *others = shown.rows
    assert len(seconds) == 22
    assert (sum(sent), sum(others[2])) == (480, 240)
