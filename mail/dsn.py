"""Delivery status notifications: what a message/delivery-status part tells of each recipient (RFC 3464, RFC 6522).

Pure. policy/classification turns each `Told` into an Outcome; mail/rawbounce makes the same values from prose.
The report may stand inside multipart/mixed; field values are read leniently (Action "error", addresses of type
x400 or LOCAL, folded fields), since the senders of these are the most careless software there is.
Raises only mail.parts.UnparsableError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from mail.outcome import Action
from mail.parts import Headers, Parsed, header_fields, split_head

TEXT_LIMIT: Final = 2_000  # of the host's words that are kept
RECIPIENTS_LIMIT: Final = 1_000
ADDRESS_LIMIT: Final = 10_000  # of a text that is searched for an address

STATUS_TYPES: Final = ("message/delivery-status", "message/global-delivery-status")
RETURNED_TYPES: Final = (
    "message/rfc822",
    "message/global",
    "message/rfc822-headers",
    "text/rfc822-headers",
    "text/rfc822-header",
    "message/global-headers",
    "text/rfc822",
)

_ACTIONS: Final[Mapping[str, Action]] = {
    "failed": Action.FAILED,
    "failure": Action.FAILED,
    "fail": Action.FAILED,
    "error": Action.FAILED,
    "expired": Action.FAILED,
    "bounced": Action.FAILED,
    "delayed": Action.DELAYED,
    "delay": Action.DELAYED,
    "deferred": Action.DELAYED,
    "delivered": Action.DELIVERED,
    "deliverable": Action.DELIVERED,
    "relayed": Action.RELAYED,
    "expanded": Action.EXPANDED,
}
_RECIPIENT_FIELDS: Final = ("final-recipient", "original-recipient", "x-actual-recipient")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([245][0-5]\d)(?:[ \-#;:]|$)")
_ADDRESS = re.compile(
    r"""[^\s<>()\[\]:;,"']{1,64}@[A-Za-z0-9\u0080-\uffff._-]{1,255}|"[^"\r\n]{1,64}"@[A-Za-z0-9._-]{1,255}"""
)
_DIAGNOSTIC_TYPE = re.compile(r"^\s*[A-Za-z][\w.-]{0,40}\s*;")
_X400 = re.compile(r"/rfc-?822=([^/]+)", re.IGNORECASE)
# The last alternative is IronPort's: its own words for its own code, then the host's reply in quotes.
_REMOTE_SAID = re.compile(
    r"\b(?:said|replied|responded(?: with)?|answered|returned)\s*:?\s*(?=[\"'(]?[245]\d\d[ \-])"
    r"|^\d\.\d\.\d+ - [^'\d]{1,80}(?=[245]\d\d-')"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a report tells of one recipient, unjudged. "" and None where it does not tell.

    `recipient` is the address that was mailed where the report knows it (Original-Recipient), else the final one.
    """

    recipient: str | None
    action: Action | None
    status: str
    code: int | None
    enhanced: str
    text: str


def told_by_report(parsed: Parsed) -> tuple[Told, ...]:
    """One value a recipient of the delivery-status parts, or () where the mail has none."""
    found = (told for part in parsed.of_type(*STATUS_TYPES) for told in told_in_fields(part.text()))
    return tuple(islice(found, RECIPIENTS_LIMIT))


def told_in_fields(text: str) -> Iterator[Told]:
    """What the field groups in the text tell.

    Groups stand apart by empty lines (RFC 3464 §2.1); a repeated recipient field begins one too.
    """
    for group in _groups(text):
        if any(name in group for name in _RECIPIENT_FIELDS):
            yield _told(group)


def returned_headers(parsed: Parsed) -> Headers | None:
    """The header of the returned message (or the returned header), never what is inside it."""
    for part in parsed.of_type(*RETURNED_TYPES):
        head, _ = split_head(part.decoded())
        if (headers := header_fields(head)).fields:
            return headers
    return None


def action_of(value: str, status: str, code: int | None) -> Action | None:
    """The action by its word, else by the class of the status or of the reply; None where nothing tells."""
    word = re.split(r"[^a-z]", value.strip().lower(), maxsplit=1)[0]
    if word in _ACTIONS:
        return _ACTIONS[word]
    return {"5": Action.FAILED, "4": Action.DELAYED, "2": Action.DELIVERED}.get((status or str(code or ""))[:1])


def enhanced_in(text: str) -> str:
    """The first enhanced status code (RFC 3463) in the text, or ""."""
    found = _ENHANCED.search(text)
    return found.group(1) if found else ""


def code_in(text: str) -> int | None:
    """The first SMTP reply code in the text, or None."""
    found = _CODE.search(text)
    return int(found.group(1)) if found else None


def address_in(text: str) -> str | None:
    """The first mail address in the text, as it stands, or None."""
    found = _ADDRESS.search(text[:ADDRESS_LIMIT])
    return found.group().strip(".") if found else None


def final_words(text: str) -> str:
    """What the remote host itself said, where the text quotes it after the reporter's own words."""
    said = list(_REMOTE_SAID.finditer(text))
    return text[said[-1].end() :] if said else text


def _groups(text: str) -> Iterator[Headers]:
    for block in re.split(r"\n[ \t]*\n", text.strip("\n")):
        fields: list[tuple[str, str]] = []
        for name, value in header_fields(block.encode("utf-8")).fields:
            if name == "final-recipient" and any(seen == name for seen, _ in fields):
                yield Headers(tuple(fields))
                fields = []
            fields.append((name, value))
        yield Headers(tuple(fields))


def _told(group: Headers) -> Told:
    status = enhanced_in(group.get("status"))
    _, _, comment = group.get("status").partition("(")
    diagnostic = _DIAGNOSTIC_TYPE.sub("", group.words("diagnostic-code")).strip()[:TEXT_LIMIT]
    said = final_words(diagnostic)
    return Told(
        recipient=_recipient(group),
        action=action_of(group.get("action"), status, code_in(said)),
        status=status or enhanced_in(said),
        code=code_in(said),
        enhanced=enhanced_in(said),
        text=diagnostic or comment.rstrip(") ")[:TEXT_LIMIT],
    )


def _recipient(group: Headers) -> str | None:
    """The original, else the final, else the actual recipient; a bare local part only where none has an "@"."""
    values = [_address(group.get(name)) for name in ("original-recipient", "final-recipient", "x-actual-recipient")]
    whole = [value for value in values if value.find("@") > 0]
    return next(iter(whole or [value for value in values if value and "@" not in value]), None)


def _address(value: str) -> str:
    """The address behind its type (`rfc822;`), without angle brackets; an x400 name's RFC-822 part where it has one."""
    kind, separator, address = value.partition(";")
    bare = (address if separator else kind).strip()
    if kind.strip().lower() == "x400" or "/rfc-822=" in bare.lower():
        found = _X400.search(bare)
        return found.group(1).replace("(a)", "@") if found else ""
    address = address_in(bare) or bare.strip("<> ").split(" ", 1)[0]
    # "davi...@host" is one that a web page or a privacy filter cut.
    return "" if "..." in address or "*" in address else address
