"""R2, R3, R5: which outcome lowers a rating, and which is our own fault."""

from __future__ import annotations

import pytest

from mail.outcome import Action, Effect, Reason
from mail.reply import Reply
from policy.bounce_class import outcome_of_reply
from policy.consequence import effect_of, expired

BLOCKING = {Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.NOTACCEPT, Reason.HASMOVED, Reason.SUSPEND}


@pytest.mark.parametrize("reason", list(Reason))
def test_only_the_five_reasons_of_a_bad_address_block(reason: Reason) -> None:
    effect = effect_of(reason, Action.FAILED, "no words")
    expected = Effect.BLOCK if reason in BLOCKING else Effect.FULL if reason is Reason.MAILBOXFULL else Effect.NONE
    assert effect is expected


@pytest.mark.parametrize("action", [Action.DELAYED, Action.DELIVERED, Action.RELAYED, Action.EXPANDED, None])
@pytest.mark.parametrize("reason", [Reason.USERUNKNOWN, Reason.MAILBOXFULL])
def test_what_has_not_finally_failed_has_no_effect(action: Action | None, reason: Reason) -> None:
    assert effect_of(reason, action, "550 user unknown, mailbox full") is Effect.NONE


def test_a_filtered_recipient_is_blocked_only_by_words_of_an_unknown_user() -> None:
    assert effect_of(Reason.FILTERED, Action.FAILED, "550 : User unknown") is Effect.BLOCK
    assert effect_of(Reason.FILTERED, Action.FAILED, "550 recipient rejected") is Effect.NONE


def test_a_row_that_expires_takes_the_effect_of_its_last_answer() -> None:
    full = outcome_of_reply("ann@site.example", Reply(452, "4.2.2", "mailbox is over quota"))
    assert (full.action, full.effect) == (Action.DELAYED, Effect.NONE)
    assert (expired(full).action, expired(full).effect) == (Action.FAILED, Effect.FULL)
    busy = outcome_of_reply("ann@site.example", Reply(421, "4.7.0", "too many connections from your host"))
    assert expired(busy).effect is Effect.NONE
