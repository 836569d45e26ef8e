"""The launch gate (K5): every failing reason with its numbers, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.launch_gate import LaunchFacts, average, failing, has_body
from policy.sender_standing import SenderFacts

GOOD = LaunchFacts(
    campaigns_allowed=True,
    has_body=True,
    sender=SenderFacts("news@shop.test", authorised=True, domain="shop.test", owned=True, sending=True),
    ratings={7: 10},
    imports_running=0,
)


def names(facts: LaunchFacts) -> list[str]:
    return [one.name for one in failing(facts)]


def test_a_good_campaign_has_no_failing_reason() -> None:
    assert failing(GOOD) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"campaigns_allowed": False}, "plan"),
        ({"has_body": False}, "body_empty"),
        ({"sender": replace(GOOD.sender, authorised=False)}, "sender"),
        ({"sender": replace(GOOD.sender, stopped="rejected")}, "smtp_rejected"),
        ({"ratings": {}}, "no_recipients"),
        ({"ratings": {5: 3}}, "rating"),
        ({"imports_running": 1}, "import_running"),
    ],
)
def test_each_failing_fact_is_named_alone(change: dict[str, object], name: str) -> None:
    assert names(replace(GOOD, **change)) == [name]  # type: ignore[arg-type]  # replace knows no union of fields


def test_all_reasons_are_told_together() -> None:
    worst = LaunchFacts(False, False, SenderFacts("a@b.test", False, "b.test", False, False), {1: 1}, 2)
    assert names(worst) == ["plan", "body_empty", "sender", "domain", "rating", "import_running"]


def test_blocked_recipients_count_in_the_average_and_six_is_enough() -> None:
    assert failing(replace(GOOD, ratings={1: 1, 7: 5})) == []
    (refused,) = failing(replace(GOOD, ratings={1: 10, 10: 12}))
    assert refused.numbers["distribution"] == {"1": 10, "10": 12}
    assert "5.90" in refused.detail
    assert "10 of them are blocked" in refused.detail


def test_an_average_just_below_the_minimum_is_not_rounded_up_to_it() -> None:
    (refused,) = failing(replace(GOOD, ratings={6: 9_999, 5: 1}))
    assert "is 5.99," in refused.detail


@settings(max_examples=50)
@given(st.dictionaries(st.integers(1, 10), st.integers(1, 1_000_000), min_size=1))
def test_the_average_lies_within_the_ratings(ratings: dict[int, int]) -> None:
    mean = average(ratings)
    assert mean is not None
    assert min(ratings) <= mean <= max(ratings)


@pytest.mark.parametrize(
    ("page", "text", "shown"),
    [
        ("<p>Hello</p>", None, True),
        ('<div><img src="cid:a"></div>', None, True),
        ("<html><head><title>x</title><style>p{}</style></head><body> &nbsp;<br></body></html>", None, False),
        ("<!-- words -->", "", False),
        ("", "Hello", True),
        ("", None, False),
    ],
)
def test_a_body_is_words_or_an_image_not_markup(page: str, text: str | None, shown: bool) -> None:
    assert has_body(page, text) is shown
