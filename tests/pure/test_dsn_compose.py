"""Our own DSNs: what a mail program reads out of them, and our own reader of DSNs too (RFC 3464, RFC 6522)."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage

from hypothesis import given, settings
from hypothesis import strategies as st

from mail.address import parse_mailbox
from mail.dsn import returned_headers, told_by_report
from mail.dsn_compose import Failure, Report, compose, status_of
from mail.outcome import Action
from mail.parts import parse

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ORIGINAL = (
    b"From: ann@ours.test\r\nTo: bob@x.test\r\nSubject: Offer\r\nMessage-ID: <7@ours.test>\r\n\r\nsecret body\r\n"
)
GONE = Failure("bob@x.test", 550, "550 5.1.1 <bob@x.test>: no such user", False, NOW)
LATE = Failure("eve@y.test", None, "no host of y.test can be reached", True, NOW)
REPORT = Report(
    Action.FAILED, "mx.ours.test", parse_mailbox("ann@ours.test"), NOW - timedelta(hours=1), NOW + timedelta(days=5),
    ORIGINAL, (GONE, LATE),
)  # fmt: skip


def made(report: Report = REPORT) -> bytes:
    return compose(report, "<abc@ours.test>", NOW)


def read(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_it_is_a_report_of_three_parts_that_asks_for_no_answer() -> None:
    message = read(made())
    assert (message.get_content_type(), message.get_param("report-type")) == ("multipart/report", "delivery-status")
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert (message["From"], message["To"]) == ("Mail Delivery System <MAILER-DAEMON@ours.test>", "ann@ours.test")
    assert (message["Auto-Submitted"], message["Message-ID"]) == ("auto-replied", "<abc@ours.test>")


def test_a_person_reads_who_did_not_get_it_and_why() -> None:
    text = next(read(made()).iter_parts()).get_content()
    for words in ("bob@x.test", "550 5.1.1 <bob@x.test>: no such user", "eve@y.test", "given up", "mx.ours.test"):
        assert words in text


def test_our_own_reader_finds_each_recipient_with_its_fate() -> None:
    parsed = parse(made())
    told = [(one.recipient, one.action, one.status, one.code) for one in told_by_report(parsed)]
    assert told == [
        ("bob@x.test", Action.FAILED, "5.1.1", 550),
        ("eve@y.test", Action.FAILED, "4.4.7", None),
    ]
    headers = returned_headers(parsed)
    assert headers is not None
    assert headers.get("message-id") == "<7@ours.test>"


def test_the_body_of_the_original_does_not_go_back() -> None:
    assert b"secret body" not in made()


def test_a_delay_says_until_when_it_is_tried() -> None:
    waiting = Failure("bob@x.test", 451, "451 4.7.1 greylisted", False, NOW)
    octets = made(replace(REPORT, action=Action.DELAYED, failures=(waiting,)))
    (told,) = told_by_report(parse(octets))
    assert (told.action, told.status) == (Action.DELAYED, "4.7.1")
    assert b"Will-Retry-Until: Mon, 09 Mar 2026 05:06:07 +0000" in octets
    assert "tried again until Mon, 09 Mar 2026" in next(read(octets).iter_parts()).get_content()


def test_a_status_never_contradicts_the_action() -> None:
    assert status_of(Action.FAILED, replace(GONE, words="550 gone")) == "5.0.0"
    assert status_of(Action.FAILED, replace(GONE, words="550 4.2.2 is not what 550 means")) == "5.0.0"
    assert status_of(Action.FAILED, LATE) == "4.4.7"
    assert status_of(Action.DELAYED, replace(GONE, code=451, words="later")) == "4.0.0"


def test_a_recipient_and_a_header_outside_of_ascii_go_as_seven_bits() -> None:
    odd = Failure("жук@x.test", 550, "550 нет такого", False, NOW)
    octets = made(replace(REPORT, original="Subject: привет\r\n\r\n".encode(), failures=(odd,)))
    assert octets.isascii()
    assert rb"Final-Recipient: utf-8; \x{436}\x{443}\x{43A}@x.test" in octets
    parts = list(read(octets).iter_parts())
    assert "жук@x.test" in parts[0].get_content()
    assert "привет".encode() in parts[2].get_payload(decode=True)


@settings(max_examples=60, deadline=None)
@given(words=st.text(max_size=2000), header=st.binary(max_size=3000))
def test_whatever_a_host_says_and_a_program_wrote_it_is_clean_mail(words: str, header: bytes) -> None:
    octets = made(replace(REPORT, original=header + b"\r\n\r\nbody", failures=(replace(GONE, words=words),)))
    assert octets.isascii()
    assert b"\0" not in octets
    assert octets.replace(b"\r\n", b"").isascii() and b"\r" not in octets.replace(b"\r\n", b"")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert len(list(read(octets).iter_parts())) == 3
