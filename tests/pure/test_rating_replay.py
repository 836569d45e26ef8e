"""Ratings by the rules of today: a fact judged wrongly once is judged rightly now, all others stay what they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mail.outcome import Effect, Reason
from policy.replay import Fact, replayed

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def fact(number: int, cause: str, words: str = "", code: int | None = 550, status: str = "", **more: object) -> Fact:
    kept: dict[str, object] = {"reason": None, "explained": False, "set_to": 0, "recorded": bool(cause), **more}
    return Fact(NOW + timedelta(days=number), cause, number, words=words, code=code, status=status, **kept)  # type: ignore[arg-type]  # the kept ones are as their names say


def ratings(first: int, *facts: Fact) -> list[int]:
    return [one.after for one in replayed(first, facts)]


def test_what_was_judged_rightly_stays() -> None:
    full = fact(1, "full", "552 5.2.2 mailbox full", 552, "5.2.2")
    gone = fact(2, "block", "550 5.1.1 user unknown", 550, "5.1.1")
    assert ratings(7, full, gone) == [6, 1]


def test_a_wrong_block_is_taken_back_and_a_later_failure_counts_from_there() -> None:
    wrong = fact(1, "block", "550 5.7.1 Client host blocked using a DNSBL", 550, "5.7.1", reason=Reason.USERUNKNOWN)
    full = fact(2, "full", "552 5.2.2 mailbox full", 552, "5.2.2")
    assert ratings(7, wrong, full) == [7, 6]


def test_a_failure_that_had_no_effect_may_have_one_now() -> None:
    (one,) = replayed(7, [fact(1, "", "550 5.1.1 user unknown", 550, "5.1.1")])
    assert (one.reason, one.effect, one.after) == (Reason.USERUNKNOWN, Effect.BLOCK, 1)


def test_a_complaint_a_reply_and_a_persons_word_are_facts() -> None:
    facts = fact(1, "complaint"), fact(2, "reply"), fact(3, "hand", set_to=4), fact(4, "replay-of-old", set_to=9)
    assert ratings(7, *facts) == [1, 10, 4, 4]


def test_prose_is_outweighed_by_the_code_as_when_it_was_told() -> None:
    prose = "The mailbox may be full, or the user unknown."
    (one,) = replayed(7, [fact(1, "block", prose, None, "5.1.1", explained=True)])
    assert one.reason is Reason.USERUNKNOWN
