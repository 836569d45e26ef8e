"""One judgement for a reply in the session and for a report later."""

from __future__ import annotations

import pytest

from mail.outcome import Action, Effect, Reason
from mail.reply import Reply
from policy.bounce_class import classify, outcome, outcome_of_reply


@pytest.mark.parametrize(
    ("text", "enhanced", "status", "code", "reason"),
    [
        # What the words say wins over what the codes say (facts: "never trust the status code alone").
        ("Over quota", "5.1.1", "5.1.1", 552, Reason.MAILBOXFULL),
        ("sent to too many recipients this hour", "5.1.1", "5.1.1", 550, Reason.RATELIMITED),
        ("DNS type 'mx' lookup responded with code NXDOMAIN", "", "4.0.0", None, Reason.HOSTUNKNOWN),
        ("The user is receiving mail at a rate that prevents", "5.2.1", "5.2.1", 550, Reason.RATELIMITED),
        # Then the reply's enhanced code, then Status, then the reply code.
        ("go away", "5.1.1", "5.0.0", 550, Reason.USERUNKNOWN),
        ("go away", "", "5.2.2", 550, Reason.MAILBOXFULL),
        ("", "", "", 556, Reason.NOTACCEPT),
        ("", "", "", 504, Reason.SYNTAXERROR),
        # General words only after the codes.
        ("recipient rejected", "5.1.1", "", 550, Reason.USERUNKNOWN),
        ("message refused", "", "", 550, Reason.REJECTED),
        # X.1.7 and X.1.8 are about the sender.
        ("No such domain ours.example", "5.1.7", "5.1.7", 550, Reason.REJECTED),
        # A code of class 4 alone never blocks.
        ("", "4.1.1", "4.1.1", 450, Reason.UNDEFINED),
        ("", "", "", 550, Reason.UNDEFINED),
        ("", "", "", None, Reason.UNDEFINED),
    ],
)
def test_words_come_before_codes(text: str, enhanced: str, status: str, code: int | None, reason: Reason) -> None:
    assert classify(text, enhanced, status, code) is reason


def test_the_remote_host_s_words_come_before_the_reporter_s() -> None:
    text = "host mx.site.example[192.0.2.1] refused by local policy, it said: 550 5.1.1 no such user"
    assert classify(text, "", "", 550) is Reason.USERUNKNOWN


def test_a_reply_today_and_a_dsn_tomorrow_are_judged_alike() -> None:
    words = "Recipient address rejected: User unknown"
    today = outcome_of_reply("ann@site.example", Reply(550, "5.1.1", words))
    tomorrow = outcome("ann@site.example", Action.FAILED, words, enhanced="5.1.1", status="5.1.1", code=550)
    assert today == tomorrow
    assert (today.reason, today.effect, today.hard) == (Reason.USERUNKNOWN, Effect.BLOCK, True)


@pytest.mark.parametrize(
    ("reply", "action", "effect"),
    [
        (Reply(250, "2.0.0", "Ok: queued, user unknown"), Action.DELIVERED, Effect.NONE),
        (Reply(450, "4.1.1", "User unknown, try later"), Action.DELAYED, Effect.NONE),
        (Reply(552, "5.2.2", "Mailbox full"), Action.FAILED, Effect.FULL),
        (Reply(550, "5.1.1", "User unknown"), Action.FAILED, Effect.BLOCK),
        (Reply(554, "5.7.1", "blocked using zen.spamhaus.org"), Action.FAILED, Effect.NONE),
    ],
)
def test_the_class_of_the_reply_decides_whether_it_counts(reply: Reply, action: Action, effect: Effect) -> None:
    judged = outcome_of_reply("ann@site.example", reply)
    assert (judged.action, judged.effect) == (action, effect)


def test_the_explanation_is_asked_only_where_words_and_codes_tell_nothing() -> None:
    assert classify("", "", "5.0.0", None, "mail.local: unknown user: ann") is Reason.USERUNKNOWN
    assert classify("", "", "5.2.2", None, "mail.local: unknown user: ann") is Reason.MAILBOXFULL
