"""Amazon SES's notices as JSON in a mail of SNS: bounces, delays, deliveries, complaints (its "event" form too).

Pure. policy/classification asks; the JSON stands in the text, a footer of SNS behind it. Never raises for what
the text holds; limits: OCTETS of JSON, what is nested too deep for the decoder is no notice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mail.dsn import TEXT_LIMIT, Told, code_in, enhanced_in
from mail.outcome import Action, Kind
from mail.parts import Parsed

OCTETS: Final = 256 * 1024
RECIPIENTS_LIMIT: Final = 1_000

# Bounce subtypes and delay types of SES's documentation that say more than their diagnostic does, in words of ours.
_SUBTYPES: Final[Mapping[str, str]] = {
    "noemail": "no such user",
    "suppressed": "address is on the suppression list",
    "onaccountsuppressionlist": "address is on the suppression list",
    "mailboxfull": "mailbox full",
    "recipientmailboxfull": "mailbox full",
    "messagetoolarge": "message too large",
    "contentrejected": "content rejected",
    "attachmentrejected": "attachment was not allowed",
    "spamdetected": "spam detected",
    "recipientservererror": "server error",
    "internalfailure": "internal error",
    "ipfailure": "ip address blocked",
    "transientcommunicationfailure": "timed out",
    "byoiphostnamelookupunavailable": "reverse dns lookup failed",
}
_COMPLAINTS: Final[Mapping[str, Kind]] = {"auth-failure": Kind.AUTHREPORT, "not-spam": Kind.BULK}


@dataclass(frozen=True, slots=True)
class Notice:
    """`told` for bounces, delays and deliveries; a complaint has only `complainers`. `message_ids` without brackets."""

    kind: Kind
    told: tuple[Told, ...]
    complainers: tuple[str, ...]
    message_ids: tuple[str, ...]


def ses_notice(parsed: Parsed) -> Notice | None:
    """What the notice says, or None where the mail is none."""
    text = parsed.plain().strip()
    if not text.startswith("{") or "otificationType" not in text and "eventType" not in text:
        return None
    told = _object(text)
    if "notificationType" not in told and "eventType" not in told and isinstance(told.get("Message"), str):
        told = _object(told["Message"])  # SNS's own envelope
    return _notice(told)


def _object(text: str) -> dict[str, Any]:
    try:
        # strict=False: mail breaks long lines, inside strings too.
        found, _ = json.JSONDecoder(strict=False).raw_decode(text[:OCTETS])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _notice(told: Mapping[str, Any]) -> Notice | None:
    kind = _text(told.get("notificationType") or told.get("eventType")).lower()
    ids = _message_ids(_mapping(told.get("mail")))
    match kind:
        case "bounce":
            return Notice(Kind.BOUNCE, _bounced(_mapping(told.get("bounce"))), (), ids)
        case "complaint":
            return _complaint(_mapping(told.get("complaint")), ids)
        case "delivery":
            return Notice(Kind.DELIVERY, _delivered(_mapping(told.get("delivery"))), (), ids)
        case "deliverydelay":
            return Notice(Kind.DELAY, _delayed(_mapping(told.get("deliveryDelay"))), (), ids)
    return None


def _bounced(bounce: Mapping[str, Any]) -> tuple[Told, ...]:
    words = _SUBTYPES.get(_text(bounce.get("bounceSubType")).lower(), "")
    return tuple(_told(one, Action.FAILED, words) for one in _mappings(bounce.get("bouncedRecipients")))


def _delayed(delay: Mapping[str, Any]) -> tuple[Told, ...]:
    words = _SUBTYPES.get(_text(delay.get("delayType")).lower(), "")
    return tuple(_told(one, Action.DELAYED, words) for one in _mappings(delay.get("delayedRecipients")))


def _delivered(delivery: Mapping[str, Any]) -> tuple[Told, ...]:
    said = _text(delivery.get("smtpResponse"))
    named = delivery.get("recipients")
    return tuple(
        Told(_text(one) or None, Action.DELIVERED, enhanced_in(said), code_in(said), enhanced_in(said), said)
        for one in (named if isinstance(named, list) else [])[:RECIPIENTS_LIMIT]
    )


def _complaint(complaint: Mapping[str, Any], ids: tuple[str, ...]) -> Notice:
    people = (_text(one.get("emailAddress")) for one in _mappings(complaint.get("complainedRecipients")))
    kind = _COMPLAINTS.get(_text(complaint.get("complaintFeedbackType")).lower(), Kind.COMPLAINT)
    return Notice(kind, (), tuple(dict.fromkeys(person for person in people if person)), ids)


def _told(one: Mapping[str, Any], action: Action, words: str) -> Told:
    diagnostic = _text(one.get("diagnosticCode"))
    said = diagnostic.partition(";")[2].strip() if diagnostic.lower().startswith("smtp;") else diagnostic
    return Told(
        recipient=_text(one.get("emailAddress")) or None,
        action=action,
        status=enhanced_in(_text(one.get("status"))) or enhanced_in(said),
        code=code_in(said),
        enhanced=enhanced_in(said),
        text=said or words,
    )


def _message_ids(mail: Mapping[str, Any]) -> tuple[str, ...]:
    """The original's own Message-ID first; SES's id names nothing of ours."""
    named = [
        one.get("value") for one in _mappings(mail.get("headers")) if _text(one.get("name")).lower() == "message-id"
    ]
    found = [_text(value) for value in (_mapping(mail.get("commonHeaders")).get("messageId"), *named)]
    return tuple(dict.fromkeys(one.strip("<> ")[:998] for one in found if one.strip("<> ")))


def _text(value: object) -> str:
    return " ".join(value.replace("\0", "\ufffd").split())[:TEXT_LIMIT] if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value[:RECIPIENTS_LIMIT] if isinstance(one, dict)] if isinstance(value, list) else []
