"""What a client's rating would be had the rules of today judged all that was ever told of it (PRODUCT R6).

Pure. store/replay reads the facts, oldest first, and saves what differs. Words, code and status of each failure are
judged anew; complaints, replies and what a person set are facts as they stand. The same facts give the same rating, so
a second replay finds nothing more to do. Consent is no part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mail.dsn import enhanced_in
from mail.outcome import Action, Effect, Reason
from policy.bounce_class import classify
from policy.consequence import effect_of
from policy.rating import after, revived


@dataclass(frozen=True, slots=True)
class Fact:
    """`cause`: block, full, complaint, reply, hand, or "" for a failure that had no effect when it was told.

    `set_to` is what a person set. `recorded`: the ledger of ratings has an entry of it.
    """

    at: datetime
    cause: str
    recipient_id: int | None
    reason: Reason | None
    words: str
    code: int | None
    status: str
    explained: bool
    set_to: int
    recorded: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A fact with what it does today."""

    fact: Fact
    reason: Reason | None
    effect: Effect
    before: int
    after: int


def replayed(first: int, facts: Sequence[Fact]) -> list[Judged]:
    """`first` is the rating before the oldest of them."""
    found: list[Judged] = []
    rating = first
    for fact in facts:
        reason, effect = _judge(fact)
        following = _following(fact, effect, rating)
        found.append(Judged(fact, reason, effect, rating, following))
        rating = following
    return found


def _following(fact: Fact, effect: Effect, rating: int) -> int:
    match fact.cause:
        case "hand":
            return fact.set_to
        case "reply":
            return revived()
    return after(rating, effect)


def _judge(fact: Fact) -> tuple[Reason | None, Effect]:
    if fact.cause == "complaint":
        return fact.reason, Effect.COMPLAINT
    if fact.cause not in ("", Effect.BLOCK.value, Effect.FULL.value):
        return fact.reason, Effect.NONE
    text, explanation = ("", fact.words) if fact.explained else (fact.words, "")
    reason = classify(text, enhanced_in(text), fact.status, fact.code, explanation)
    return reason, effect_of(reason, Action.FAILED, fact.words)
