"""A short mail of the appliance itself, in plain words: a code, a warning.

Pure. Composed by admin/acts/sender_codes.py and admin/notices.py. `title` is a word of ours, the addresses were
parsed; ValueError where `subject` has a control character.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from mail.header import encode


def compose(domain: str, title: str, to: str, subject: str, words: str, message_id: str, now: datetime) -> bytes:
    """The whole message, CRLF line ends; `words` in ASCII or any other letters, lines under 900 octets."""
    lines = [
        f"From: {title} <postmaster@{domain}>",
        f"To: <{to}>",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {message_id}",
        encode("Subject", subject).decode().removesuffix("\r\n"),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        *words.splitlines(),
        "",
    ]
    return "\r\n".join(lines).encode()
