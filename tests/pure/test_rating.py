"""R1-R4: what an effect does to a rating."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.outcome import Effect
from policy.rating import AUTOMATIC, BLOCKED, HIGHEST, after, blocked, revived


@pytest.mark.parametrize(
    ("rating", "effect", "expected"),
    [
        (10, Effect.BLOCK, 1),
        (7, Effect.BLOCK, 1),
        (7, Effect.COMPLAINT, 1),
        (7, Effect.FULL, 6),
        (2, Effect.FULL, 1),
        (1, Effect.FULL, 1),
        (7, Effect.NONE, 7),
        (7, Effect.UNSUBSCRIBE, 7),
    ],
)
def test_each_effect_changes_the_rating_as_the_table_says(rating: int, effect: Effect, expected: int) -> None:
    assert after(rating, effect) == expected


def test_six_full_mailboxes_block_an_imported_client_and_a_reply_revives_it() -> None:
    rating = AUTOMATIC
    for _ in range(6):
        assert not blocked(rating)
        rating = after(rating, Effect.FULL)
    assert blocked(rating)
    assert not blocked(revived())


@pytest.mark.parametrize("rating", [0, 11, -1])
def test_a_rating_outside_the_scale_is_refused(rating: int) -> None:
    with pytest.raises(ValueError, match="not within 1..10"):
        after(rating, Effect.NONE)


@settings(max_examples=50)
@given(st.integers(BLOCKED, HIGHEST), st.lists(st.sampled_from(Effect), max_size=20))
def test_no_row_of_effects_raises_a_rating_or_leaves_the_scale(rating: int, effects: list[Effect]) -> None:
    for effect in effects:
        lowered = after(rating, effect)
        assert BLOCKED <= lowered <= rating
        rating = lowered
