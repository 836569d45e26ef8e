"""Complaints, opt-outs and DMARC failure reports. All reports here are ours."""

from __future__ import annotations

import pytest

from mail.feedback import Feedback, feedback
from mail.outcome import Kind
from mail.parts import parse


def arf(fields: str, original: str = "To: ann@site.example\nMessage-ID: <m1@ours.example>") -> bytes:
    return (
        "From: fbl@provider.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n"
        f"--b\nContent-Type: message/feedback-report\n\n{fields}\nUser-Agent: T/1\nVersion: 1\n\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\n\nbody\n--b--\n"
    ).encode()


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("abuse", Kind.COMPLAINT),
        ("fraud", Kind.COMPLAINT),
        ("other", Kind.COMPLAINT),
        ("opt-out", Kind.UNSUBSCRIBE),
        ("auth-failure", Kind.AUTHREPORT),
        ("not-spam", Kind.BULK),
    ],
)
def test_the_type_decides_what_a_report_is(word: str, kind: Kind) -> None:
    assert feedback(parse(arf(f"Feedback-Type: {word}"))) == Feedback(kind, ("ann@site.example",))


def test_every_original_recipient_is_named_once() -> None:
    fields = "Feedback-Type: abuse\nOriginal-Rcpt-To: <bob@site.example>\nOriginal-Rcpt-To: <eve@site.example>"
    found = feedback(parse(arf(fields + "\nOriginal-Rcpt-To: <bob@site.example>")))
    assert found is not None and found.recipients == ("bob@site.example", "eve@site.example")


def test_a_redacted_report_names_nobody() -> None:
    found = feedback(parse(arf("Feedback-Type: abuse", original="To: undisclosed\nMessage-ID: <m1@ours.example>")))
    assert found == Feedback(Kind.COMPLAINT, ())


def jmrp(sender: str) -> bytes:
    return (
        f"From: {sender}\nSubject: complaint about message from 192.0.2.1\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        "X-HmXmrOriginalRecipient: ann@live.example\nTo: list@ours.example\n\nbody\n--b--\n"
    ).encode()


def test_hotmail_s_complaint_has_no_report_part() -> None:
    assert feedback(parse(jmrp("staff@hotmail.com"))) == Feedback(Kind.COMPLAINT, ("ann@live.example",))
    assert feedback(parse(jmrp("person@hotmail.com"))) is None


def test_any_other_mail_is_no_report() -> None:
    assert feedback(parse(b"From: staff@hotmail.com\nSubject: complaint\n\nFeedback-Type: abuse\n")) is None
