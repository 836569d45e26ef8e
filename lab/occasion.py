"""What a comeback is made of: the mail it is about, the occasion, and the mail that results.

Pure. lab/comebacks.py turns an `Occasion` into a `Mail`; instant and token are given by who sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import format_datetime, parseaddr
from typing import Final

from lab.description import Host, Person
from lab.tempers import Cause

_QUOTED: Final = 12  # lines of the original in an answer


@dataclass(frozen=True, slots=True)
class Original:
    """A mail that a host took: envelope, what its header says, and its bytes."""

    reverse_path: str
    recipient: str
    source: str
    taken_at: datetime
    message_id: str
    content: bytes

    def header(self, name: str) -> str:
        """A header field, decoded; "" when it is not there."""
        value = message_from_bytes(self._head()).get(name, "")
        return str(make_header(decode_header(value)))

    def writer(self) -> str:
        """The address in From."""
        return parseaddr(self.header("From"))[1]

    def _head(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    def head_as_delivered(self, host: Host) -> bytes:
        """The header as it lies in the mailbox: with Return-Path and the last hop's Received (RFC 5321 §4.4)."""
        trace = (
            f"Return-Path: <{self.reverse_path}>\r\n"
            f"Received: from [{self.source}] by {host.name} with ESMTP\r\n"
            f"\tfor <{self.recipient}>; {format_datetime(self.taken_at)}\r\n"
        )
        return trace.encode() + self._head()

    def as_delivered(self, host: Host) -> bytes:
        """The whole mail as it lies in the mailbox."""
        return self.head_as_delivered(host) + self.content.partition(b"\r\n\r\n")[2]

    def text_lines(self) -> list[str]:
        """The first lines of its text part, for quoting."""
        for part in message_from_bytes(self.content).walk():
            if part.get_content_type() == "text/plain":
                payload = part.get_payload(decode=True)
                text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
                return [line for line in text.splitlines() if line.strip()][:_QUOTED]
        return []


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why something is sent: who was mailed at which host, what they got, the cause, where complaints go."""

    host: Host
    person: Person
    original: Original
    cause: Cause | None
    complaints_to: str
    now: datetime
    token: str

    def message_id(self) -> str:
        """The Message-ID of what is sent, angle brackets included."""
        return f"<{self.token}@{self.host.name}>"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to be sent: its envelope, its Message-ID and its bytes with CRLF."""

    reverse_path: str
    forward_path: str
    message_id: str
    content: bytes
