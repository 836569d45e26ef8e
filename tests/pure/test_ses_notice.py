"""SES's JSON notices through SNS, written by us after its documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mail.outcome import Action, Kind
from mail.parts import parse
from mail.ses_notice import ses_notice
from policy.classification import classify_mail

MAIL = {"messageId": "0100-ses", "headers": [{"name": "Message-ID", "value": "<1@ours.example>"}]}
FOOTER = "\n\n--\nIf you wish to stop receiving notifications from this topic, please visit the link below.\n"


def raw(told: Any) -> bytes:
    head = "From: Notices <no-reply@sns.relay.example>\nSubject: AWS Notification Message\nContent-Type: text/plain\n\n"
    return (head + (told if isinstance(told, str) else json.dumps(told)) + FOOTER).encode()


def bounced(**of_bounce: Any) -> dict[str, Any]:
    one = {"emailAddress": "ann@site.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    return {"notificationType": "Bounce", "bounce": {"bouncedRecipients": [one], **of_bounce}, "mail": MAIL}


def test_a_bounce_is_one_and_names_the_original() -> None:
    mail = classify_mail(raw(bounced()))
    assert mail.kind is Kind.BOUNCE
    assert [(one.recipient, one.status, one.effect.value) for one in mail.recipients] == [
        ("ann@site.example", "5.1.1", "block")
    ]
    assert mail.message_ids == ("1@ours.example",)


def test_the_event_form_and_the_envelope_of_sns_say_the_same() -> None:
    event = bounced()
    event["eventType"] = event.pop("notificationType")
    assert classify_mail(raw(event)) == classify_mail(raw(bounced()))
    assert classify_mail(raw({"Type": "Notification", "Message": json.dumps(bounced())})).kind is Kind.BOUNCE


def test_a_subtype_speaks_where_there_is_no_diagnostic() -> None:
    told = {"bouncedRecipients": [{"emailAddress": "ann@site.example"}], "bounceSubType": "MailboxFull"}
    (one,) = classify_mail(raw({"notificationType": "Bounce", "bounce": told})).recipients
    assert (one.reason.value, one.effect.value) == ("mailboxfull", "full")


def test_delays_and_deliveries_have_no_effect() -> None:
    late = {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": "ann@site.example"}]}
    delay = {"eventType": "DeliveryDelay", "deliveryDelay": late}
    delivery = {
        "notificationType": "Delivery",
        "delivery": {"recipients": ["ann@site.example"], "smtpResponse": "250 ok"},
    }
    for told, kind, action in ((delay, Kind.DELAY, Action.DELAYED), (delivery, Kind.DELIVERY, Action.DELIVERED)):
        mail = classify_mail(raw(told))
        assert (mail.kind, mail.recipients[0].action, mail.recipients[0].effect.value) == (kind, action, "none")


@pytest.mark.parametrize(
    ("feedback", "kind"), [("abuse", "complaint"), ("not-spam", "bulk"), ("auth-failure", "authreport")]
)
def test_complaints_are_told_apart(feedback: str, kind: str) -> None:
    complaint = {"complainedRecipients": [{"emailAddress": "ann@site.example"}], "complaintFeedbackType": feedback}
    mail = classify_mail(raw({"notificationType": "Complaint", "complaint": complaint}))
    assert mail.kind.value == kind
    assert [one.recipient for one in mail.recipients] == (["ann@site.example"] if kind == "complaint" else [])


@pytest.mark.parametrize(
    "told",
    [
        '{"notificationType":',
        '{"notificationType": 7}',
        '{"notificationType": "Bounce"',
        "[" * 100_000,
        '{"eventType":' + '{"a":' * 50_000,
        '{"notificationType": "Other"}',
        '{"notificationType": "Bounce", "bounce": []}',
        '{"notificationType": "Bounce", "bounce": {"bouncedRecipients": [1, null, {"emailAddress": ["x"]}]}}',
    ],
)
def test_what_is_no_notice_is_read_without_an_error(told: str) -> None:
    classify_mail(raw(told))
    notice = ses_notice(parse(raw(told)))
    assert notice is None or notice.kind is Kind.BOUNCE


def test_lines_that_mail_broke_inside_a_string_are_read() -> None:
    broken = json.dumps(bounced()).replace("user unknown", "user\n unknown")
    assert classify_mail(raw(broken)).recipients[0].reason.value == "userunknown"
