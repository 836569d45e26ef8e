"""Bounces in prose, family by family. Every notice here is written by us after the habits of the software."""

from __future__ import annotations

import pytest

from mail.outcome import Action
from mail.parts import parse
from mail.rawbounce import RawBounce, raw_bounce, refused_by_receipt

DAEMON = "From: Mail Delivery System <MAILER-DAEMON@mx.relay.example>\nTo: sender@ours.example\n"
COPY = "\n\n--- Below this line is a copy of the message.\n\nFrom: sender@ours.example\nTo: other@else.example\n"


def read(subject: str, notice: str, head: str = "", tail: str = COPY, by_machine: bool = True) -> RawBounce | None:
    raw = f"{DAEMON}{head}Subject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{notice}{tail}"
    return raw_bounce(parse(raw.encode()), by_machine=by_machine)


def names(bounce: RawBounce | None) -> list[tuple[str | None, int | None]]:
    assert bounce is not None
    return [(one.recipient, one.code) for one in bounce.told]


QMAIL = """Hi. This is the qmail-send program at mx.relay.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@site.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 no such user
Giving up on 192.0.2.1.

<bob@site.example>:
Sorry, no mailbox here by that name. (#5.1.1)
"""

EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ann@site.example
    (generated from list@site.example)
    host mx.site.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<ann@site.example>:
    550 5.2.2 mailbox is over quota

------ This is a copy of the message, including all the headers. ------
"""

SENDMAIL = """The original message was received at Mon, 2 Nov 2026 10:00:00 GMT

   ----- The following addresses had permanent fatal errors -----
<ann@site.example>
    (reason: 550 5.1.1 User unknown)

   ----- Transcript of session follows -----
... while talking to mx.site.example.:
>>> RCPT To:<ann@site.example>
<<< 550 5.1.1 User unknown
"""

OLD_SENDMAIL = """   ----- Transcript of session follows -----
550 site.example (smtp)... 550 Host unknown
554 <ann@site.example>... 550 Host unknown (Authoritative answer from name server)
554 <bob@gone.example>... 550 Host unknown (Authoritative answer from name server)
"""

DMA = """This is the mail agent at relay.example.

There was an error delivering your mail to <ann@site.example>.

mx.site.example [192.0.2.1] did not like our RCPT TO:
550 5.1.1 <ann@site.example>: User unknown
"""

GATEWAY = "Unable to deliver message to <ann@site.example> (and other recipients in the same domain)."
EXCHANGE = """Your message

  To:      somebody
  Subject: Offer

did not reach the following recipient(s):

ann@site.example on Mon, 2 Nov 2026 10:00:00 +0100
    The recipient name is not recognized
"""
LABELLED = "Your message could not be delivered.\nReason: 550 mailbox unavailable\nFailed recipient: ann@site.example\n"
IN_TEXT = """An error occurred while trying to deliver the mail to the following recipients:
ann@site.example

Technical report:

Action: failed
Final-Recipient: rfc822; ann@site.example
Diagnostic-Code: smtp; 550 5.1.1 User unknown
Status: 5.1.1
"""


@pytest.mark.parametrize(
    ("subject", "notice", "expected"),
    [
        ("failure notice", QMAIL, [("ann@site.example", 550), ("bob@site.example", None)]),
        ("Mail delivery failed", EXIM, [("list@site.example", 550)]),
        ("Returned mail: see transcript", SENDMAIL, [("ann@site.example", 550)]),
        ("Returned mail: Host unknown", OLD_SENDMAIL, [("ann@site.example", 554), ("bob@gone.example", 554)]),
        ("Mail delivery failed", DMA, [("ann@site.example", 550)]),
        ("Mail could not be delivered", GATEWAY, [("ann@site.example", None)]),
        ("Undeliverable: Offer", EXCHANGE, [("ann@site.example", None)]),
        ("Mail failure", LABELLED, [("ann@site.example", 550)]),
        ("Delivery Status Notification", IN_TEXT, [("ann@site.example", 550)]),
    ],
)
def test_each_family_names_its_recipients(subject: str, notice: str, expected: list[tuple[str, int | None]]) -> None:
    bounce = read(subject, notice)
    assert names(bounce) == expected
    assert bounce is not None and {one.action for one in bounce.told} == {Action.FAILED}


def test_the_words_below_an_address_are_its_own() -> None:
    bounce = read("failure notice", QMAIL)
    assert bounce is not None
    assert bounce.told[0].text.startswith("550 5.1.1 no such user")
    assert "no mailbox here" in bounce.told[1].text and bounce.told[1].status == "5.1.1"


def test_addresses_of_the_copied_message_are_nobody_s_failure() -> None:
    assert "other@else.example" not in str(read("failure notice", QMAIL))


def test_contact_addresses_and_our_own_are_no_recipients() -> None:
    notice = "For help contact <support@relay.example>.\nsender@ours.example\nann@site.example\n  550 no such user\n"
    assert [name for name, _ in names(read("Undeliverable mail", notice))] == ["ann@site.example"]


def test_a_mail_to_oneself_names_the_sender() -> None:
    notice = "I wasn't able to deliver your message.\n\n<sender@ours.example>:\n552 disk quota exceeded\n"
    assert names(read("failure notice", notice)) == [("sender@ours.example", 552)]


def test_failed_recipients_of_the_header_are_the_ones() -> None:
    head = "X-Failed-Recipients: ann@site.example, bob@site.example\n"
    notice = "could not be delivered:\n\n  ann@site.example\n    550 5.1.1 unknown\n"
    assert names(read("Mail delivery failed", notice, head)) == [("ann@site.example", 550), ("bob@site.example", None)]


def test_a_warning_is_a_delay_even_when_the_mailbox_is_full() -> None:
    notice = "THIS IS A WARNING MESSAGE ONLY.\n\nDelivery to the following recipient has been delayed:\n\n"
    bounce = read("Delivery Status Notification (Delay)", notice + "     ann@site.example\n\n452 4.2.2 over quota\n")
    assert bounce is not None and [one.action for one in bounce.told] == [Action.DELAYED]


def test_a_bounce_that_names_nobody_still_is_one() -> None:
    bounce = read("Undelivered mail", "Your message could not be delivered.\n550 5.1.1 no such user\n")
    assert names(bounce) == [("other@else.example", 550)]  # whom the original was for


@pytest.mark.parametrize(
    "to", ["To: a@else.example, b@else.example\n", "To: list@else.example\nList-Id: <list.else.example>\n", ""]
)
def test_where_the_original_does_not_tell_either_nobody_is_named(to: str) -> None:
    returned = f"\n\n--b\nContent-Type: text/rfc822-headers\n\nFrom: sender@ours.example\n{to}\n--b--\n"
    head = f"{DAEMON}Subject: Undelivered mail\nContent-Type: multipart/mixed; boundary=b\n\n"
    raw = f"{head}--b\n\nNot delivered: 550 no{returned}"
    assert names(raw_bounce(parse(raw.encode()), by_machine=True)) == [(None, 550)]


def test_a_shortened_address_is_nobody_s() -> None:
    notice = "could not be delivered to\n\n  an...@site.example\n    550 no\n"
    assert names(read("Undelivered mail", notice, tail="")) == [(None, 550)]


def test_a_report_that_a_gateway_wrapped_is_unwrapped() -> None:
    inner = (
        "From: MAILER-DAEMON@in.site.example\nContent-Type: multipart/report; boundary=c\n\n--c\n"
        "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ann@site.example\nAction: failed\n\n--c--\n"
    )
    raw = (
        f"{DAEMON}Subject: Delivery Status Notification\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nThis mail is confidential.\n"
        f"--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n"
    )
    bounce = raw_bounce(parse(raw.encode()), by_machine=True)
    assert names(bounce) == [("ann@site.example", None)]


@pytest.mark.parametrize(
    ("subject", "notice"),
    [
        ("Re: Offer", "I am away. Write to bob@site.example instead."),
        ("Automatic reply: Offer", "Thank you, ann@site.example will read it."),
    ],
)
def test_an_auto_reply_is_no_bounce(subject: str, notice: str) -> None:
    assert read(subject, notice, tail="") is None


@pytest.mark.parametrize(
    ("head", "subject", "notice"),
    [
        (
            "In-Reply-To: <m1@ours.example>\n",
            "Re: Mail delivery failed",
            "Why?\n\n> could not be delivered\n> <a@b.example>:",
        ),
        ("", "Delivery problem", "Hello, my mail could not be delivered, please have a look."),
        (
            "",
            "Fwd: Undeliverable",
            "---------- Forwarded message ---------\ncould not be delivered\n<a@b.example>: 550 no",
        ),
        ("", "Offer", "Your parcel could not be delivered.\nann@site.example\n"),
    ],
)
def test_a_person_s_mail_about_a_bounce_is_none(head: str, subject: str, notice: str) -> None:
    assert read(subject, notice, head, by_machine=False) is None


def test_sieve_s_refusal_comes_as_a_receipt() -> None:
    assert refused_by_receipt(parse(b"\nYour message to <a@b.example> was automatically rejected:\nQuota exceeded"))
    assert not refused_by_receipt(parse(b"\nYour message was displayed."))


def test_a_line_of_brackets_is_read_in_linear_time() -> None:
    # A fuzzer found it: two runs of brackets side by side in one pattern took seconds for each line.
    notice = "could not be delivered to\n" + ("<" * 900 + "\n") * 200
    assert names(read("Undelivered mail", notice, tail="")) == [(None, None)]
