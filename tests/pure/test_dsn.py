"""RFC 3464 as it is written in the wild. All reports here are ours."""

from __future__ import annotations

import pytest

from mail.dsn import Told, action_of, address_in, code_in, enhanced_in, final_words, returned_headers, told_by_report
from mail.outcome import Action
from mail.parts import parse


def report(*groups: str, kind: str = "multipart/report; report-type=delivery-status", returned: str = "") -> bytes:
    """A DSN whose per-recipient groups are `groups`."""
    status = "\n\n".join(("Reporting-MTA: dns; mx.site.example", *groups))
    return (
        f"From: MAILER-DAEMON@mx.site.example\nContent-Type: {kind}; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\nIt did not work.\n"
        f"--b\nContent-Type: message/delivery-status\n\n{status}\n\n"
        f"--b\nContent-Type: message/rfc822\n\n{returned or 'Message-ID: <m1@ours.example>'}\n\nbody\n--b--\n"
    ).encode()


def told(*groups: str, kind: str = "multipart/report; report-type=delivery-status") -> tuple[Told, ...]:
    return told_by_report(parse(report(*groups, kind=kind)))


PLAIN = (
    "Final-Recipient: rfc822; ann@site.example\nAction: failed\nStatus: 5.1.1\n"
    "Remote-MTA: dns; mx.site.example\nDiagnostic-Code: smtp; 550 5.1.1 <ann@site.example>:\n  User unknown"
)


def test_a_plain_report_tells_recipient_action_codes_and_words() -> None:
    assert told(PLAIN) == (
        Told("ann@site.example", Action.FAILED, "5.1.1", 550, "5.1.1", "550 5.1.1 <ann@site.example>: User unknown"),
    )


def test_a_report_inside_multipart_mixed_is_read() -> None:
    assert told(PLAIN, kind="multipart/mixed") == told(PLAIN)


def test_each_recipient_has_its_own_outcome() -> None:
    later = "Final-Recipient: rfc822; bob@site.example\nAction: delayed\nStatus: 4.4.1"
    assert [(one.recipient, one.action) for one in told(PLAIN, later)] == [
        ("ann@site.example", Action.FAILED),
        ("bob@site.example", Action.DELAYED),
    ]


def test_groups_without_an_empty_line_between_them_are_told_apart() -> None:
    joined = PLAIN + "\nFinal-Recipient: rfc822; bob@site.example\nAction: failed"
    assert [one.recipient for one in told(joined)] == ["ann@site.example", "bob@site.example"]


def test_the_address_that_was_mailed_comes_before_the_final_one() -> None:
    forwarded = (
        "Original-Recipient: rfc822;ann@site.example\nFinal-Recipient: rfc822;ann@elsewhere.example\nAction: failed"
    )
    assert told(forwarded)[0].recipient == "ann@site.example"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("rfc822;ann@site.example", "ann@site.example"),
        ("RFC822; <ann@site.example>", "ann@site.example"),
        ("LOCAL;<ann@site.example>", "ann@site.example"),
        ("<ann@site.example>", "ann@site.example"),
        ("x400; /RFC-822=ann(a)site.example/ADMD= /C=WW/", "ann@site.example"),
        ("unknown; ann", "ann"),
        ("rfc822; an...@site.example", None),
        ("rfc822; a***@site.example", None),
        ("rfc822;@site.example", None),
    ],
)
def test_address_types_of_the_wild(field: str, expected: str | None) -> None:
    assert told(f"Final-Recipient: {field}\nAction: failed")[0].recipient == expected


@pytest.mark.parametrize(
    ("word", "status", "code", "action"),
    [
        ("failed", "5.0.0", None, Action.FAILED),
        ("Failed (bad mailbox)", "", None, Action.FAILED),
        ("failure", "", None, Action.FAILED),
        ("error", "", None, Action.FAILED),
        ("expired", "4.4.7", None, Action.FAILED),
        ("deliverable", "", None, Action.DELIVERED),
        ("relayed", "", None, Action.RELAYED),
        ("expanded", "", None, Action.EXPANDED),
        ("failed", "4.2.2", None, Action.FAILED),
        ("", "4.4.1", 550, Action.DELAYED),
        ("", "", 550, Action.FAILED),
        ("puzzled", "", None, None),
    ],
)
def test_actions_of_the_wild(word: str, status: str, code: int | None, action: Action | None) -> None:
    assert action_of(word, status, code) is action


def test_a_status_comment_speaks_where_there_is_no_diagnostic() -> None:
    assert told("Final-Recipient: rfc822;a@b.example\nStatus: 5.2.2 (mailbox full)")[0].text == "mailbox full"


def test_a_diagnostic_without_its_type_is_kept_whole() -> None:
    one = told(
        "Final-Recipient: rfc822;a@b.example\nAction: failed\nDiagnostic-Code: 550 5.1.1 <a@b.example> unknown; gone"
    )
    assert one[0].text == "550 5.1.1 <a@b.example> unknown; gone"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host mx.b.example said: 550 5.1.1 gone", "550 5.1.1 gone"),
        (
            "5.3.0 - Other mail system problem 550-'Unknown user a@b.example' (delivery attempts: 0)",
            "550-'Unknown user a@b.example' (delivery attempts: 0)",
        ),
        ("he said 3 things", "he said 3 things"),
    ],
)
def test_the_last_host_quoted_has_the_word(text: str, said: str) -> None:
    assert final_words(text) == said


def test_codes_and_addresses_are_found_in_prose() -> None:
    assert enhanced_in("550 #5.1.10 nobody (192.5.1.1)") == "5.1.10"
    assert enhanced_in("192.5.1.1") == ""
    assert code_in("smtp 5500 then 450-4.2.1") == 450
    assert code_in("nothing 550.1") is None
    assert address_in("Ann <ann+tag@site.example>.") == "ann+tag@site.example"
    assert address_in("nobody here") is None


def test_only_the_header_of_the_returned_message_is_read() -> None:
    inner = "Message-ID: <m2@ours.example>\nTo: ann@site.example\nContent-Type: multipart/report; boundary=c\n\n--c\n"
    inner += (
        "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; trap@site.example\nAction: failed\n--c--"
    )
    parsed = parse(report(PLAIN, returned=inner))
    returned = returned_headers(parsed)
    assert returned is not None and returned.get("message-id") == "<m2@ours.example>"
    assert [one.recipient for one in told_by_report(parsed)] == ["ann@site.example"]


def test_a_mail_without_a_report_tells_nothing() -> None:
    parsed = parse(b"Subject: hello\n\nFinal-Recipient: rfc822; ann@site.example\nAction: failed\n")
    assert told_by_report(parsed) == ()
    assert returned_headers(parsed) is None
