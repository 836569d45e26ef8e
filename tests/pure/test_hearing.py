"""When what hosts say is often enough, and enough of all that they say."""

from __future__ import annotations

from policy.hearing import Tally


def test_so_many_within_the_window_act_once() -> None:
    tally = Tally()
    acted = [tally.add(float(second), second, 3, 10, 0.0) for second in range(1, 8)]
    assert acted == [False, False, True, False, False, True, False]


def test_what_is_older_than_the_window_does_not_count() -> None:
    tally = Tally()
    assert [tally.add(float(now), 1, 3, 10, 0.0) for now in (0, 9, 18, 27, 36)] == [False] * 5


def test_one_in_ten_never_reaches_a_share_of_half() -> None:
    tally = Tally()
    acted = [tally.add(float(answer), answer, 20, 1e9, 0.5) for answer in range(10, 5000, 10)]
    assert not any(acted)


def test_a_burst_after_many_good_answers_reaches_it() -> None:
    tally = Tally()
    for answer in range(10, 1000, 10):
        assert not tally.add(float(answer), answer, 20, 1e9, 0.5)
    burst = [tally.add(1000.0 + number, 1000 + number, 20, 1e9, 0.5) for number in range(60)]
    assert any(burst)
