"""The mail that carries a report to a domain's owner: some words and one compressed attachment.

Pure. mail/tls_report and mail/aggregate_write say what is in it, admin/report_desk.py queues it. Every value is fit for
a header: domains and addresses that were parsed, media types and names of ours.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Final

_WIDTH: Final = 76


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: the organisation's domain and whom to ask."""

    domain: str
    contact: str


@dataclass(frozen=True, slots=True)
class Letter:
    """`local` and `title` make the From; `container` is the Content-Type without its boundary; `fields` whole lines.

    `whatever_tls`: it must arrive even where the host's TLS is broken, since that is what it tells (RFC 8460 §3).
    """

    about: str
    identity: str
    local: str
    title: str
    words: str
    container: str
    media_type: str
    file_name: str
    content: bytes = field(repr=False)
    fields: tuple[str, ...] = ()
    whatever_tls: bool = False


def compose(reporter: Reporter, letter: Letter, to: str, message_id: str, now: datetime) -> bytes:
    """The whole message, CRLF line ends; the same octets for a repeat with the same arguments."""
    boundary = f"report-{letter.local}-{len(letter.content)}"
    attached = b64encode(letter.content).decode()
    lines = [
        f"From: {letter.title} <{letter.local}@{reporter.domain}>",
        f"To: <{to}>",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {message_id}",
        f"Subject: Report Domain: {letter.about}",
        f" Submitter: {reporter.domain}",
        f" Report-ID: <{letter.identity}>",
        *letter.fields,
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: {letter.container};\r\n boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        letter.words,
        f"Questions to {reporter.contact}.",
        "",
        f"--{boundary}",
        f"Content-Type: {letter.media_type}",
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment;\r\n filename="{letter.file_name}"',
        "",
        *(attached[at : at + _WIDTH] for at in range(0, len(attached), _WIDTH)),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode()
