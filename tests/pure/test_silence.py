"""A service that does not answer is left alone for longer and longer, and asked by one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from policy.silence import FIRST, IN_A_ROW, LONGEST, Silence, asking, unanswered

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def silent(count: int) -> Silence:
    silence = Silence()
    for _ in range(count):
        silence = unanswered(silence, silence, NOW)
    return silence


def test_a_few_without_an_answer_are_borne() -> None:
    assert asking(silent(IN_A_ROW - 1), NOW) is not None


def test_more_in_a_row_make_a_pause_in_which_nobody_asks() -> None:
    paused = silent(IN_A_ROW)
    assert asking(paused, NOW) is None
    assert asking(paused, NOW + FIRST - SECOND) is None
    assert asking(paused, NOW + FIRST) is not None


def test_behind_the_pause_one_asks_and_the_others_go_on_without() -> None:
    tried = asking(silent(IN_A_ROW), NOW + FIRST)
    assert tried is not None
    assert asking(tried, NOW + FIRST + SECOND) is None


def test_the_pause_doubles_up_to_the_longest_while_nobody_answers() -> None:
    now, silence, pauses = NOW, silent(IN_A_ROW), list[timedelta]()
    for _ in range(6):
        pauses.append(silence.pause)
        now += silence.pause
        tried = asking(silence, now)
        assert tried is not None
        silence = unanswered(tried, tried, now)
    assert pauses[:3] == [FIRST, FIRST * 2, FIRST * 4]
    assert pauses[-1] == LONGEST


def test_many_that_were_asked_at_once_make_one_pause() -> None:
    asked, silence = Silence(), Silence()
    for _ in range(50):
        silence = unanswered(silence, asked, NOW)
    assert silence.pause == FIRST
