"""When a breaker trips: a rate and a count together, a count alone for who is new."""

from __future__ import annotations

import pytest

from policy.breaker import Numbers, Thresholds, Verdict, judge

WEEK = Thresholds(168, 100, 5, 0.05, 0.10, 3, 0.00075, 0.0015)
DAY = Thresholds(24, 100, 0, 2, 2, 0, 2, 2, (10, 25), (3, 7))


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (Numbers(99, 99, 99), None),  # too few mails for a rate
        (Numbers(100, 4, 0), None),
        (Numbers(100, 5, 0), Verdict.WARN),
        (Numbers(100, 10, 0), Verdict.STOP),
        (Numbers(10_000, 499, 0), None),
        (Numbers(10_000, 500, 0), Verdict.WARN),
        (Numbers(100, 0, 2), None),  # 2 % complaints, but two of them
        (Numbers(4_000, 0, 3), Verdict.WARN),
        (Numbers(2_000, 0, 3), Verdict.STOP),
        (Numbers(100, 5, 3), Verdict.STOP),  # the worse of the two
        (Numbers(), None),
    ],
)
def test_a_rate_and_a_count_must_both_be_reached(numbers: Numbers, verdict: Verdict | None) -> None:
    judged = judge({"default": numbers}, WEEK, young=False)
    assert (judged.verdict if judged else None) is verdict


@pytest.mark.parametrize(
    ("numbers", "young", "verdict"),
    [
        (Numbers(10_000, 25, 0), True, Verdict.STOP),
        (Numbers(10_000, 10, 0), True, Verdict.WARN),
        (Numbers(10_000, 9, 0), True, None),
        (Numbers(10_000, 0, 7), True, Verdict.STOP),
        (Numbers(10_000, 500, 70), False, None),
    ],
)
def test_of_a_young_sender_the_count_is_enough(numbers: Numbers, young: bool, verdict: Verdict | None) -> None:
    judged = judge({"default": numbers}, DAY, young=young)
    assert (judged.verdict if judged else None) is verdict


def test_one_provider_trips_though_all_together_do_not() -> None:
    judged = judge({"gmail": Numbers(200, 30, 0), "default": Numbers(10_000, 0, 0)}, WEEK, young=False)
    assert judged is not None
    assert (judged.verdict, judged.provider) == (Verdict.STOP, "gmail")
    assert judged.words == "hard bounces at gmail: 30 of 200 in 168 h (15.00%)"


def test_small_numbers_at_several_providers_are_judged_together() -> None:
    judged = judge({name: Numbers(60, 6, 0) for name in ("a", "b", "c")}, WEEK, young=False)
    assert judged is not None
    assert (judged.verdict, judged.provider) == (Verdict.STOP, "")
