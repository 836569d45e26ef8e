"""What follows from an arrival: kinds, purposes, tokens and authentication in one table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mail.outcome import Action, Effect, Kind, Outcome, Reason
from mail.verp import Tokens
from policy.acceptance import Purpose
from policy.classification import Classified
from policy.sorting import Act, Complained, Mail, Replied, Reported, To, Unsubscribed, acts, is_junk

TOKENS = Tokens(b"sixteen octets or more")
FAILED = Outcome("c@r.test", Action.FAILED, "5.1.1", 550, "no", Reason.USERUNKNOWN, Effect.BLOCK, hard=True)
UNTOLD = Outcome("c@r.test", None, "", None, "no", Reason.USERUNKNOWN, Effect.BLOCK, hard=True)
BOUNCE, UNSUBSCRIBE, MAILBOX, COMPLAINT = (
    To(0, Purpose.BOUNCE, 9),
    To(0, Purpose.UNSUBSCRIBE, 9),
    To(0, Purpose.MAILBOX, 4),
    To(0, Purpose.COMPLAINT, None),
)


def mail(
    kind: Kind, *outcomes: Outcome, author: str | None = "c@r.test", dmarc: str = "none", about: int | None = None
) -> Mail:
    ids = (TOKENS.message_id(about, "ours.test").strip("<>"),) if about is not None else ("unknown@r.test",)
    return Mail(Classified(kind, outcomes, ids, author, "x", ()), author, dmarc, "none")


@pytest.mark.parametrize(
    ("arrived", "recipients", "expected"),
    [
        (mail(Kind.BOUNCE, FAILED), [BOUNCE], [Reported(9, (FAILED,))]),
        (mail(Kind.BOUNCE, UNTOLD), [BOUNCE], [Reported(9, (replace(UNTOLD, action=Action.FAILED),))]),
        (mail(Kind.BOUNCE, FAILED, about=7), [BOUNCE], [Reported(9, (FAILED,))]),
        (mail(Kind.BOUNCE, FAILED, about=7), [MAILBOX], [Reported(7, (FAILED,))]),
        (mail(Kind.BOUNCE, FAILED), [MAILBOX], []),
        (mail(Kind.DELAY, FAILED), [BOUNCE], []),
        (mail(Kind.DELIVERY), [BOUNCE], []),
        (mail(Kind.AUTOREPLY), [BOUNCE], []),
        (mail(Kind.CHALLENGE), [BOUNCE], []),
        (mail(Kind.HUMAN), [BOUNCE], [Replied("c@r.test", None, 9)]),
        (mail(Kind.COMPLAINT, about=7), [COMPLAINT], [Complained(7)]),
        (mail(Kind.COMPLAINT), [COMPLAINT], []),
        (mail(Kind.UNSUBSCRIBE, about=7), [COMPLAINT], [Unsubscribed(7)]),
        (mail(Kind.HUMAN), [UNSUBSCRIBE], [Unsubscribed(9)]),
        (mail(Kind.BULK), [UNSUBSCRIBE], [Unsubscribed(9)]),
        (mail(Kind.AUTOREPLY), [UNSUBSCRIBE], [Unsubscribed(9)]),
        (mail(Kind.BOUNCE, FAILED), [UNSUBSCRIBE], []),
        (mail(Kind.MDN), [UNSUBSCRIBE], []),
        (mail(Kind.HUMAN), [MAILBOX], [Replied("c@r.test", 4, None)]),
        (mail(Kind.HUMAN), [MAILBOX, MAILBOX], [Replied("c@r.test", 4, None)]),
        (mail(Kind.HUMAN, dmarc="pass"), [MAILBOX], [Replied("c@r.test", 4, None)]),
        (mail(Kind.HUMAN, dmarc="temperror"), [MAILBOX], [Replied("c@r.test", 4, None)]),
        (mail(Kind.HUMAN, dmarc="permerror"), [MAILBOX], [Replied("c@r.test", 4, None)]),
        (mail(Kind.HUMAN, dmarc=""), [MAILBOX], [Replied("c@r.test", 4, None)]),
        (mail(Kind.HUMAN, dmarc="fail"), [MAILBOX], []),
        (mail(Kind.HUMAN, dmarc="fail"), [BOUNCE], [Replied(None, None, 9)]),
        (mail(Kind.HUMAN, author=None), [MAILBOX], []),
        (mail(Kind.AUTOREPLY), [MAILBOX], []),
        (mail(Kind.MDN), [MAILBOX], []),
        (mail(Kind.BULK), [MAILBOX], []),
        (mail(Kind.HUMAN, about=7), [COMPLAINT], []),
    ],
)
def test_the_table(arrived: Mail, recipients: list[To], expected: list[Act]) -> None:
    assert list(acts(arrived, recipients, TOKENS)) == expected


@pytest.mark.parametrize("dmarc", ["none", "fail"])
def test_an_answer_names_what_it_answers_whoever_its_author_is(dmarc: str) -> None:
    ids = ("<x@r.test>", TOKENS.message_id(7, "ours.test"), "<y@r.test>", TOKENS.message_id(8, "ours.test"))
    arrived = replace(mail(Kind.HUMAN, dmarc=dmarc), answers=ids)
    author = "c@r.test" if dmarc == "none" else None
    assert acts(arrived, [MAILBOX], TOKENS) == (Replied(author, 4, None, (7, 8), ("<x@r.test>", "<y@r.test>")),)
    assert acts(replace(arrived, classified=replace(arrived.classified, kind=Kind.AUTOREPLY)), [MAILBOX], TOKENS) == ()


def test_only_quarantine_is_junk() -> None:
    for disposition, junk in (("none", False), ("quarantine", True), ("reject", False), ("", False)):
        assert is_junk(Mail(Classified(Kind.BULK, (), (), None, "", ()), None, "fail", disposition)) is junk
