"""The rating of a client, 1..10: whole numbers, 1 is blocked, above 1 mail is sent (PRODUCT R1-R4, K5).

Pure. store/ratings saves what these return, one row of the rating ledger for each change; nothing else knows
the numbers. Consent is kept apart: a complaint or an unsubscribe is not undone by `revived`.
"""

from __future__ import annotations

from typing import Final

from mail.outcome import Effect

BLOCKED: Final = 1
HIGHEST: Final = 10
AUTOMATIC: Final = 7  # an address that came by import, list or API
BY_HAND: Final = 10
GATE_MINIMUM: Final = 6.0  # the least average of a campaign's recipients (K5)


def after(rating: int, effect: Effect) -> int:
    """The rating once `effect` has come to pass; ValueError where `rating` is none of 1..10."""
    if not BLOCKED <= rating <= HIGHEST:
        raise ValueError(f"rating {rating} is not within {BLOCKED}..{HIGHEST}")
    match effect:
        case Effect.BLOCK | Effect.COMPLAINT:
            return BLOCKED
        case Effect.FULL:
            return max(BLOCKED, rating - 1)
        case Effect.NONE | Effect.UNSUBSCRIBE:
            return rating


def revived() -> int:
    """The rating after mail from a person at the address (R4): the address is alive."""
    return HIGHEST


def blocked(rating: int) -> bool:
    """Whether nothing may be sent to a client of this rating."""
    return rating <= BLOCKED
