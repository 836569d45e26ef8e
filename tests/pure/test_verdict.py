"""From a host's answer to how the row is settled: 2xx delivers, 5xx ends, all else waits, and runs out at last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mail.address import parse_mailbox
from mail.outcome import Effect, Reason
from mail.reply import Reply
from mta.outbound.compose import Recipe
from mta.outbound.job import Job
from mta.outbound.verdict import Heard, ended, returned, settlement_of
from policy.backoff import Backoff
from policy.lifecycle import Event
from policy.rotation import EgressSource
from store.campaigns import CampaignState
from store.ledger import Claimed, Settlement

QUEUED = datetime(2026, 1, 1, tzinfo=UTC)
YOUNG, OLD = QUEUED + timedelta(minutes=1), QUEUED + timedelta(hours=25)
PLANS = {
    "campaign": Backoff(timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)),
    "transactional": Backoff(timedelta(minutes=1), timedelta(minutes=5), timedelta(days=1)),
}
ROW = Claimed(7, 3, 5, 11, "ann@remote.test", 2, QUEUED, "192.0.2.9")
RECIPE = Recipe(1, 2, 4, CampaignState.RUNNING, "ours.test", "ours.test", {}, None, b"", None)
SOURCE = EgressSource("192.0.2.1", "a.example", "mailings", 1)

FULL = Reply(452, "4.2.2", "mailbox is full, over quota")
FULL_FOR_GOOD = Reply(552, "5.2.2", "mailbox is full, over quota")
UNKNOWN_YET = Reply(450, "4.1.1", "user unknown in local recipient table")
UNKNOWN = Reply(550, "5.1.1", "user unknown")
BUSY = Reply(451, "4.3.0", "try again later")
SPAM = Reply(554, "5.7.1", "message refused as spam")
LOST = "mx.remote.test[192.0.2.7]:25: connection closed by the host"


def settled(heard: Reply | str, now: datetime = YOUNG, retry: str = "campaign") -> Settlement:
    job = Job(ROW, RECIPE, parse_mailbox(ROW.address), {}, SOURCE, "remote.test", retry)
    reply = heard if isinstance(heard, Reply) else None
    return settlement_of(job, Heard(reply, str(heard)), PLANS, now, 0.0)


def test_250_delivers_without_a_reason_and_without_an_effect() -> None:
    made = settled(Reply(250, "2.0.0", "queued as 1"))
    assert (made.event, made.reason, made.effect, made.due, made.code) == (
        Event.DELIVER, None, Effect.NONE, None, 250,
    )  # fmt: skip


@pytest.mark.parametrize("heard", [FULL, UNKNOWN_YET, BUSY, LOST])
def test_a_temporary_answer_and_a_lost_connection_wait_and_change_no_rating_yet(heard: Reply | str) -> None:
    made = settled(heard)
    assert made.event is Event.DEFER
    assert made.due == YOUNG + timedelta(minutes=20)  # the third attempt of this row
    assert made.tried


@pytest.mark.parametrize(
    ("heard", "reason", "effect"),
    [
        (UNKNOWN, Reason.USERUNKNOWN, Effect.BLOCK),
        (FULL_FOR_GOOD, Reason.MAILBOXFULL, Effect.FULL),
        (SPAM, Reason.SPAMDETECTED, Effect.NONE),
        (Reply(550, "5.1.2", "the domain does not exist (NXDOMAIN): host not found"), Reason.HOSTUNKNOWN, Effect.BLOCK),
        (Reply(556, "5.1.10", "the domain accepts no mail (null MX)"), Reason.NOTACCEPT, Effect.BLOCK),
    ],
)
def test_a_permanent_answer_ends_the_row_with_the_effect_of_its_reason(
    heard: Reply, reason: Reason, effect: Effect
) -> None:
    made = settled(heard)
    assert (made.event, made.reason, made.effect, made.due) == (Event.FAIL, reason, effect, None)


@pytest.mark.parametrize(
    ("heard", "effect"),
    [(FULL, Effect.FULL), (UNKNOWN_YET, Effect.BLOCK), (BUSY, Effect.NONE), (LOST, Effect.NONE)],
)
def test_a_row_that_grew_too_old_expires_with_the_effect_of_its_last_answer(heard: Reply | str, effect: Effect) -> None:
    made = settled(heard, OLD)
    assert (made.event, made.effect, made.due) == (Event.EXPIRE, effect, None)


@pytest.mark.parametrize("words", ["user unknown", "mailbox full", "550 5.1.1 no such user"])
def test_our_own_words_about_a_dead_connection_are_no_verdict_on_an_address(words: str) -> None:
    for now in (YOUNG, OLD):
        made = settled(f"mx.user-unknown.test: {words}", now)
        assert made.effect is Effect.NONE
        assert made.reason is Reason.NETWORKERROR


def test_each_class_has_its_own_pauses() -> None:
    assert settled(BUSY, retry="transactional").due == YOUNG + timedelta(minutes=4)


def test_the_settlement_names_the_source_and_keeps_the_words_within_bounds() -> None:
    made = settled(Reply(451, "", "x" * 5_000))
    assert (made.source, made.recipient_id, made.flow_id, made.campaign_id) == ("192.0.2.1", 7, 3, 2)
    assert len(made.words) <= 1_000


def test_what_is_handed_back_is_no_attempt_and_keeps_its_source() -> None:
    made = returned(ROW, RECIPE, "the campaign is not running")
    assert (made.event, made.tried, made.source, made.effect) == (Event.CLAIM_LOST, False, "192.0.2.9", Effect.NONE)


def test_what_is_ended_untried_says_why() -> None:
    made = ended(ROW, RECIPE, Event.SUPPRESS, "blocked: rating 1", Reason.SUPPRESSED)
    assert (made.event, made.tried, made.words, made.reason) == (
        Event.SUPPRESS, False, "blocked: rating 1", Reason.SUPPRESSED,
    )  # fmt: skip
