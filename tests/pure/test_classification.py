"""What a mail that came back is: every kind once, and the traps."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.outcome import Effect, Kind, Reason
from policy.classification import Classified, classify_mail

STATUS = "Reporting-MTA: dns; mx.site.example\n\nFinal-Recipient: rfc822; ann@site.example\n"
ORIGINAL = "Message-ID: <m1@ours.example>\nTo: ann@site.example\nSubject: Offer\n\nbody"


def report(status: str, original: str = ORIGINAL, prose: str = "It did not work.", subject: str = "Notice") -> bytes:
    return (
        f"From: MAILER-DAEMON@mx.site.example\nReturn-Path: <>\nSubject: {subject}\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        f"--b\n\n{prose}\n--b\nContent-Type: message/delivery-status\n\n{status}\n\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\n--b--\n"
    ).encode()


def simple(*fields: str, body: str = "Yes please.") -> bytes:
    return "\n".join(("From: Ann <Ann@Site.example>", *fields, "", body)).encode()


FAILED = report(STATUS + "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown")
ARF = (
    b"From: fbl@provider.example\nContent-Type: multipart/report; boundary=b\n\n--b\n"
    b"Content-Type: message/feedback-report\n\nFeedback-Type: %s\nOriginal-Rcpt-To: ann@site.example\n\n--b--\n"
)
MDN = (
    b"From: ann@site.example\nSubject: Read: Offer\nContent-Type: multipart/report; boundary=b\n\n--b\n\nIt was %s\n"
    b"--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action; displayed\n\n--b--\n"
)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (FAILED, Kind.BOUNCE),
        (report(STATUS + "Action: delayed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 mailbox full"), Kind.DELAY),
        (report(STATUS + "Action: delivered\nStatus: 2.0.0"), Kind.DELIVERY),
        (ARF % b"abuse", Kind.COMPLAINT),
        (ARF % b"opt-out", Kind.UNSUBSCRIBE),
        (ARF % b"auth-failure", Kind.AUTHREPORT),
        (MDN % b"displayed", Kind.MDN),
        (simple("Return-Path: <>", "Subject: Re: Offer", "In-Reply-To: <m1@ours.example>"), Kind.AUTOREPLY),
        (simple("Subject: Out of office: Offer"), Kind.AUTOREPLY),
        (simple("Auto-Submitted: auto-generated", "Subject: Invoice 4711"), Kind.BULK),
        (simple("List-Id: <news.site.example>", "Subject: News"), Kind.BULK),
        (
            simple("Return-Path: <>", "Subject: Please confirm your message to Ann", "Auto-Submitted: auto-replied"),
            Kind.CHALLENGE,
        ),
        (simple("Return-Path: <ann@site.example>", "Subject: Re: Offer"), Kind.HUMAN),
    ],
)
def test_every_kind_is_told_apart(raw: bytes, kind: Kind) -> None:
    assert classify_mail(raw).kind is kind


def test_a_bounce_names_the_original_and_blocks() -> None:
    found = classify_mail(FAILED, reverse_path="")
    assert found.message_ids == ("m1@ours.example",)
    (one,) = found.recipients
    assert (one.recipient, one.reason, one.effect, one.hard) == (
        "ann@site.example",
        Reason.USERUNKNOWN,
        Effect.BLOCK,
        True,
    )


def test_a_full_mailbox_counts_only_when_delivery_has_failed() -> None:
    words = "Diagnostic-Code: smtp; 452 4.2.2 mailbox full"
    (waiting,) = classify_mail(report(f"{STATUS}Action: delayed\nStatus: 4.2.2\n{words}")).recipients
    (failed,) = classify_mail(report(f"{STATUS}Action: failed\nStatus: 4.2.2\n{words}")).recipients
    assert (waiting.reason, waiting.effect) == (Reason.MAILBOXFULL, Effect.NONE)
    assert (failed.reason, failed.effect) == (Reason.MAILBOXFULL, Effect.FULL)


def test_a_recipient_that_is_reported_for_every_try_has_one_outcome() -> None:
    group = "Final-Recipient: rfc822; ann@site.example\nAction: {}\nStatus: {}\n\n"
    tries = group.format("delayed", "4.2.2") + group.format("failed", "5.2.2") * 3
    assert [one.effect for one in classify_mail(report(tries)).recipients] == [Effect.FULL]


def test_the_prose_beside_a_silent_report_tells_the_reason() -> None:
    raw = report(STATUS + "Action: failed\nStatus: 5.0.0", prose="<ann@site.example>: 550 no such user")
    assert [one.reason for one in classify_mail(raw).recipients] == [Reason.USERUNKNOWN]


def test_complaint_and_opt_out_have_their_effects_and_an_authentication_report_none() -> None:
    effects = {word: [one.effect for one in classify_mail(ARF % word).recipients] for word in (b"abuse", b"opt-out")}
    assert effects == {b"abuse": [Effect.COMPLAINT], b"opt-out": [Effect.UNSUBSCRIBE]}
    assert classify_mail(ARF % b"auth-failure").recipients == ()


def test_a_redacted_complaint_is_kept_for_its_message_id() -> None:
    redacted = (ARF % b"abuse").replace(b"Original-Rcpt-To: ann@site.example\n", b"")
    assert [one.recipient for one in classify_mail(redacted).recipients] == [None]


def test_a_report_inside_the_returned_message_is_not_read() -> None:
    inner = FAILED.decode().replace("ann@site.example", "trap@site.example").replace("--b", "--c").replace("=b", "=c")
    assert "trap" not in str(
        classify_mail(report(STATUS + "Action: delayed\nStatus: 4.0.0", original=inner)).recipients
    )


def test_a_person_who_forwards_a_bounce_is_a_person() -> None:
    raw = (
        b"From: Ann <ann@site.example>\nSubject: delivery problem\nContent-Type: multipart/mixed; boundary=f\n\n--f\n\n"
    )
    raw += b"What is this?\n--f\nContent-Type: message/rfc822\n\n" + FAILED + b"\n--f--\n"
    found = classify_mail(raw, reverse_path="ann@site.example")
    assert (found.kind, found.recipients, found.signs) == (Kind.HUMAN, (), ())
    assert found.from_address == "ann@site.example"


def test_a_sieve_refusal_by_receipt_is_a_bounce() -> None:
    raw = MDN % b"sent to <ann@site.example>: your message was automatically rejected:\nQuota exceeded"
    assert classify_mail(raw).kind is Kind.BOUNCE


def test_the_envelope_s_null_path_keeps_a_mail_from_reviving() -> None:
    raw = simple("Subject: Re: Offer", "In-Reply-To: <m1@ours.example>")
    assert classify_mail(raw, reverse_path="ann@site.example").kind is Kind.HUMAN
    assert classify_mail(raw, reverse_path="").kind is Kind.AUTOREPLY


def test_bytes_beyond_the_limits_change_nothing_and_say_why() -> None:
    found = classify_mail(b"From: ann@site.example\nX: " + b"a" * 300_000 + b"\n\nYes.")
    assert (found.kind, found.recipients) == (Kind.BULK, ())
    assert found.signs[0].startswith("unparsable: header block")


def test_what_the_sorter_s_child_returns_survives_json() -> None:
    for raw in (FAILED, ARF % b"abuse", simple("Subject: Re: Offer"), MDN % b"displayed"):
        found = classify_mail(raw)
        assert msgspec.json.decode(msgspec.json.encode(found), type=Classified) == found


@settings(max_examples=60)
@given(
    st.binary(max_size=1_500)
    | st.builds(lambda at, junk: FAILED[:at] + junk + FAILED[at:], st.integers(0, len(FAILED)), st.binary(max_size=60))
)
def test_any_bytes_are_classified_and_encodable(raw: bytes) -> None:
    found = classify_mail(raw)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Classified) == found


def test_a_subject_of_broken_base64_is_read_as_it_stands() -> None:
    mail = classify_mail(
        b"From: Ann <ann@site.example>\nSubject: =?utf-8?B?S?VsbG8=?= =?utf-8?B?S\x7fVsbG8=?=\n\nHello\n"
    )
    assert (mail.kind, "=?utf-8?B?S" in mail.subject) == (Kind.HUMAN, True)
