"""Our own delivery status notifications, as their readers want them: prose, fields, the header of the original.

Pure. Called by mta/outbound/compose when a DSN is sent; the same values give the same octets, so a repeat after a crash
is the same message. multipart/report (RFC 6522) of a text for people, message/delivery-status (RFC 3464) and
text/rfc822-headers. All of it is 7-bit: a remote host's words lose what is not ASCII in the fields, a recipient outside
of ASCII is written as `utf-8` with hexadecimal escapes (RFC 6533 §3). Raises nothing for values that were parsed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mail.address import Address, display
from mail.header import encode, fold, neutral, split
from mail.message import date_text
from mail.outcome import Action
from mail.quoted_printable import encoded

AUTHOR: Final = "MAILER-DAEMON"
WORDS_LIMIT: Final = 900  # of a host's words, so that no line of them is too long (RFC 5322 §2.1.1)
HEADER_LIMIT: Final = 32 * 1024  # octets of the original's header that go back
EXPIRED: Final = "4.4.7"  # RFC 3463 §3.5: delivery time expired

_ENHANCED = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_SUBJECT: Final = {
    Action.FAILED: "Undelivered mail returned to sender",
    Action.DELAYED: "Delivery of your mail is delayed",
}
_OPENING: Final = {
    Action.FAILED: "Your message could not be delivered to the following recipients:",
    Action.DELAYED: "Your message has not been delivered yet to the following recipients:",
}
_CLOSING: Final = {
    Action.FAILED: "Nothing more will be tried for them.",
    Action.DELAYED: "You need not do anything: it will be tried again until {until}.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient. `code` is the host's reply code, None where no host said `words`; `at`: when it was tried last."""

    address: str
    code: int | None
    words: str
    expired: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """All recipients of one message with the same fate; `until` is when a delayed one is given up."""

    action: Action
    reporting_host: str
    sender: Address
    arrived: datetime
    until: datetime
    original: bytes  # the message, or its header
    failures: tuple[Failure, ...]


def compose(report: Report, message_id: str, date: datetime) -> bytes:
    """The whole message, lines ending in CRLF."""
    boundary = f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"
    parts = [_prose(report), _fields(report), _header(report.original)]
    kind = f'multipart/report; report-type=delivery-status; boundary="{boundary}"'
    head = [
        fold("From", display("Mail Delivery System", Address(AUTHOR, report.sender.domain))),
        fold("To", display("", report.sender)),
        encode("Subject", _SUBJECT[report.action]),
        fold("Date", date_text(date)),
        fold("Message-ID", message_id),
        fold("Auto-Submitted", "auto-replied"),  # RFC 3834 §5
        b"MIME-Version: 1.0\r\n",
        fold("Content-Type", kind),
    ]
    body = [f"\r\n--{boundary}\r\n".encode() + part for part in parts]
    return b"".join([*head, *body, f"\r\n--{boundary}--\r\n".encode()])


def status_of(action: Action, failure: Failure) -> str:
    """The enhanced code (RFC 3463): the host's own where it fits the fate, else the class alone."""
    wanted = "4" if action is Action.DELAYED or failure.expired else "5"
    said = _ENHANCED.search(failure.words)
    if said is not None and said[0][0] == wanted:
        return said[0]
    return EXPIRED if failure.expired else f"{wanted}.0.0"


def _prose(report: Report) -> bytes:
    lines = [
        f"This is the mail system at {report.reporting_host}.",
        "",
        _OPENING[report.action],
        "",
        *(line for failure in report.failures for line in _told(failure)),
        _CLOSING[report.action].format(until=date_text(report.until)),
        "",
        "The technical details and the header of your message follow.",
    ]
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head + _quoted("\r\n".join(lines).encode())


def _told(failure: Failure) -> Sequence[str]:
    who = "The host answered" if failure.code is not None else "The reason"
    words = neutral(failure.words)[:WORDS_LIMIT]
    late = " (given up after many attempts)" if failure.expired else ""
    return (f"  {failure.address}{late}", f"    {who}: {words}", "")


def _fields(report: Report) -> bytes:
    groups = [b"".join(_of_message(report)), *(b"".join(_of_recipient(report, one)) for one in report.failures)]
    return b"Content-Type: message/delivery-status\r\n\r\n" + b"\r\n".join(groups)


def _of_message(report: Report) -> Iterator[bytes]:
    yield fold("Reporting-MTA", f"dns; {report.reporting_host}")
    yield fold("Arrival-Date", date_text(report.arrived))


def _of_recipient(report: Report, failure: Failure) -> Iterator[bytes]:
    kind = "rfc822" if failure.address.isascii() else "utf-8"
    yield fold("Final-Recipient", f"{kind}; {_ascii(failure.address)}")
    yield fold("Action", report.action.value)
    yield fold("Status", status_of(report.action, failure))
    words = neutral(failure.words).encode("ascii", "replace").decode()[:WORDS_LIMIT]
    yield fold("Diagnostic-Code", f"{'smtp' if failure.code is not None else 'x-mailloft'}; {words}")
    yield fold("Last-Attempt-Date", date_text(failure.at))
    if report.action is Action.DELAYED:
        yield fold("Will-Retry-Until", date_text(report.until))


def _ascii(address: str) -> str:
    r"""Characters outside of ASCII as \x{HEX}, the form that old readers take too (RFC 6533 §3, utf-8-addr-xtext)."""
    return "".join(one if one.isascii() else f"\\x{{{ord(one):X}}}" for one in address)


def _header(original: bytes) -> bytes:
    """As it was, but for line ends; quoted-printable where it could not go as 7-bit lines (RFC 6522 §4)."""
    block = original[: min(split(original), HEADER_LIMIT)].rstrip(b"\r\n")
    lines = _LINE_END.split(block)
    octets = b"\r\n".join(lines) + b"\r\n"
    if octets.isascii() and b"\0" not in octets and max(map(len, lines)) <= 998:
        return b"Content-Type: text/rfc822-headers\r\n\r\n" + octets
    head = b"Content-Type: text/rfc822-headers; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head + _quoted(octets)


def _quoted(octets: bytes) -> bytes:
    return encoded(octets if octets.endswith(b"\r\n") else octets + b"\r\n")
