"""A short mail of the appliance itself, in plain words: a code, a warning.

Pure. Composed by admin/acts/sender_codes.py. `title` and `subject` are words of ours; the addresses were parsed.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime


def compose(domain: str, title: str, to: str, subject: str, words: str, message_id: str, now: datetime) -> bytes:
    """The whole message, CRLF line ends; `words` in ASCII or any other letters, lines under 900 octets."""
    lines = [
        f"From: {title} <postmaster@{domain}>",
        f"To: <{to}>",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {message_id}",
        f"Subject: {subject}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        *words.splitlines(),
        "",
    ]
    return "\r\n".join(lines).encode()
