"""What a submitted message must say of itself, and the fields it gets where a program left them out (RFC 6409 §8).

Pure. Called by mta/submission/session with the header of a whole message, read once. From, and Sender and Resent-From
where they are there, must each be the one sender of the connection: two From fields, or a name that looks like another
address, claim nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from mail.address import Address, parse_mailbox
from mail.header import Headers, split
from mta.authors import addresses
from policy.submission_replies import WITHOUT_FROM, not_the_sender

_CLAIMS: Final = ("From", "Sender", "Resent-From", "Resent-Sender")
# The recipients of blind copies are not told to each other; Return-Path is written at delivery alone.
_TAKEN_OUT: Final = re.compile(rb"^(?:bcc|resent-bcc|return-path)[ \t]*:.*(?:\n[ \t].*)*\n?", re.I | re.M)


def refusal(headers: Headers, sender: Address) -> str | None:
    """The reply that refuses this message, or None."""
    if not any(addresses(value) for value in headers.all("From")):
        return WITHOUT_FROM
    for name in _CLAIMS:
        values = headers.all(name)
        if len(values) > 1 or not all(_is(value, sender) for value in values):
            return not_the_sender(str(sender))
    return None


def author(headers: Headers) -> Address | None:
    """The first From address, to tell whose domain is claimed; None where it is none."""
    for value in headers.all("From"):
        for address in addresses(value):
            try:
                return parse_mailbox(address)
            except ValueError:
                return None
    return None


def _is(value: str, sender: Address) -> bool:
    found = addresses(value)
    try:
        return len(found) == 1 and parse_mailbox(found[0]).normalised == sender.normalised
    except ValueError:
        return False


def waives_tls(headers: Headers) -> bool | None:
    """False, for "requires no TLS", where it says `TLS-Required: No` (RFC 8689 §5); None where it leaves it open."""
    found = headers.first("TLS-Required")
    return False if found is not None and found.strip().lower() == "no" else None


def message_id(headers: Headers) -> str | None:
    """Its Message-ID with the angle brackets, None where it has none that is one."""
    found = headers.first("Message-ID")
    return found if found and re.fullmatch(r"<[!-;=?-~]{3,250}>", found) else None


def completed(content: bytes, headers: Headers, made_id: str, trace: str, now: datetime) -> bytes:
    """`content` with our Received on top, Date and Message-ID where they were missing, without blind copies."""
    above = [trace]
    if headers.first("Date") is None:
        above.append(f"Date: {format_datetime(now)}\r\n")
    if message_id(headers) is None:
        above.append(f"Message-ID: {made_id}\r\n")
    end = split(content)
    return "".join(above).encode() + _TAKEN_OUT.sub(b"", content[:end]) + content[end:]
