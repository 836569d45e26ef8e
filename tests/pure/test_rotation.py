"""Which egress source a row leaves from: by weight, by its pool, and the one it left from before."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.rotation import EgressSource, choose, of_pool

A = EgressSource("192.0.2.1", "a.example", "mailings", 1)
B = EgressSource("192.0.2.2", "b.example", "mailings", 3)
C = EgressSource("192.0.2.3", "c.example", "important", 1)
RESTING = EgressSource("192.0.2.4", "d.example", "mailings", 0)


def test_weights_divide_the_draws() -> None:
    drawn = Counter(choose([A, B], None, step / 1000).address for step in range(1000))
    assert drawn == {A.address: 250, B.address: 750}


@given(st.floats(0, 1, exclude_max=True))
def test_a_row_stays_with_the_source_of_its_last_attempt(draw: float) -> None:
    assert choose([A, B], A.address, draw) is A
    assert choose([A, B], B.address, draw) is B


@given(st.floats(0, 1, exclude_max=True))
def test_a_last_source_that_left_the_pool_strands_no_row(draw: float) -> None:
    assert choose([A, B], "192.0.2.99", draw) in (A, B)
    assert choose(of_pool([A, B, RESTING], "mailings"), RESTING.address, draw) in (A, B)


def test_a_pool_has_its_members_that_weigh_something() -> None:
    assert of_pool([A, B, C, RESTING], "mailings") == (A, B)
    assert of_pool([A, B, C, RESTING], "important") == (C,)


def test_a_pool_without_a_source_is_served_by_all() -> None:
    assert set(of_pool([A, C], "nowhere")) == {A, C}


def test_an_empty_pool_does_not_wake_a_source_that_rests() -> None:
    """Weight 0 is an operator's word that nothing leaves from there."""
    assert of_pool([A, RESTING], "nowhere") == (A,)


def test_without_any_source_the_setting_is_named() -> None:
    with pytest.raises(ValueError, match=r"\[outbound\] sources"):
        choose((), None, 0.5)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6), st.floats(0, 1, exclude_max=True))
def test_any_weights_and_any_draw_give_a_member(weights: list[int], draw: float) -> None:
    members = [EgressSource(f"192.0.2.{at}", "x", "p", weight) for at, weight in enumerate(weights)]
    chosen = choose(members, None, draw)
    assert chosen in members
    assert chosen.weight > 0 or not any(weights)
