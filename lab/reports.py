"""Reports that hosts write: DSNs of failure and delay (RFC 3464 in RFC 6522) and complaints (ARF, RFC 5965).

Pure. lab/comebacks.py calls it. DSNs come in the manner of four families of hosts; a complaint holds the whole mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email import message_from_bytes
from email.utils import format_datetime
from typing import Final

from lab.description import Host, Style
from lab.occasion import Mail, Occasion, Original
from lab.tempers import Cause, words

_Text = Callable[[Host, str, str], str]

# Who writes, the subject, and the text from host, recipient and diagnostic.
_NOTES: Final[Mapping[Style, tuple[str, str, _Text]]] = {
    Style.POSTFIX: (
        "MAILER-DAEMON@{host} (Mail Delivery System)",
        "Undelivered Mail Returned to Sender",
        lambda host, recipient, said: (
            f"The mail system at host {host.name} writes to you.\r\n\r\nA message of yours has not reached its "
            f"recipient. You find it below.\r\n\r\n<{recipient}>: host store.{host.name} said:\r\n    {said}\r\n"
        ),
    ),
    Style.EXIM: (
        "Mail Delivery System <Mailer-Daemon@{host}>",
        "Mail delivery failed: returning message to sender",
        lambda host, recipient, said: (
            "Mail delivery software made this message by itself.\r\n\r\nSomething you sent could not be handed to "
            f"one of its recipients.\r\nThis address failed:\r\n\r\n  {recipient}\r\n    {said}\r\n"
        ),
    ),
    Style.EXCHANGE: (
        "postmaster@{host}",
        "Undeliverable: your message",
        lambda host, recipient, said: (
            f"Delivery failed for:\r\n\r\n{recipient}\r\nThe message did not get through. "
            f"Ask the recipient for another address.\r\n\r\nFor administrators:\r\n\r\n"
            f"Generating server: {host.name}\r\n\r\n{recipient}\r\nRemote server returned '{said}'\r\n"
        ),
    ),
    Style.CARRIER: (
        "Mail Administrator <Postmaster@{host}>",
        "Mail System Error - Returned Mail",
        lambda host, recipient, said: (
            f"The mail below did not reach its reader.\r\n\r\nRecipient: <{recipient}>\r\nReason:    {said}\r\n"
        ),
    ),
}


def failure(occasion: Occasion) -> Mail:
    """The mail was not delivered, for the occasion's cause."""
    return _report(occasion, "failed")


def delay(occasion: Occasion) -> Mail:
    """The mail is late, and no more (Action: delayed)."""
    return _report(occasion, "delayed")


def _report(occasion: Occasion, action: str) -> Mail:
    host, original = occasion.host, occasion.original
    cause = occasion.cause or Cause.UNKNOWN
    code, enhanced, text = words(cause, host, original.recipient)
    writer, subject, told = _NOTES[host.temper.style]
    parts = [
        ("text/plain; charset=us-ascii", told(host, original.recipient, f"{code} {enhanced} {text}").encode()),
        ("message/delivery-status", _status(occasion, action, f"{code} {enhanced} {text}", enhanced)),
        _returned(host, original),
    ]
    head = [
        f"From: {writer.format(host=host.name)}",
        f"Subject: {subject if action == 'failed' else 'Delayed Mail (still being retried)'}",
        f"To: {original.reverse_path}",
        "Auto-Submitted: auto-replied",
    ]
    if host.temper.style is Style.EXIM and action == "failed":
        head.append(f"X-Failed-Recipients: {original.recipient}")
    content = _multipart(head, "delivery-status", parts, occasion)
    return Mail("", original.reverse_path, occasion.message_id(), content)


def _status(occasion: Occasion, action: str, diagnostic: str, enhanced: str) -> bytes:
    recipient = occasion.original.recipient
    return (
        f"Reporting-MTA: dns; {occasion.host.name}\r\n"
        f"Arrival-Date: {format_datetime(occasion.original.taken_at)}\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\n"
        f"Original-Recipient: rfc822;{recipient}\r\n"
        f"Action: {action}\r\nStatus: {enhanced}\r\n"
        f"Remote-MTA: dns; store.{occasion.host.name}\r\n"
        f"Diagnostic-Code: smtp; {diagnostic}\r\n"
    ).encode()


def _returned(host: Host, original: Original) -> tuple[str, bytes]:
    """The mail itself or only its header, as the family does."""
    if host.temper.style in (Style.POSTFIX, Style.EXIM):
        return "message/rfc822", original.as_delivered(host)
    return "text/rfc822-headers", original.head_as_delivered(host)


def complaint(occasion: Occasion) -> Mail:
    """Somebody pressed "this is spam"."""
    host, original = occasion.host, occasion.original
    reported = original.as_delivered(host)
    fields = [
        "Feedback-Type: abuse",
        "User-Agent: LabFeedback/1.0",
        "Version: 1",
        f"Original-Mail-From: <{original.reverse_path}>",
        f"Arrival-Date: {format_datetime(original.taken_at)}",
        f"Source-IP: {original.source}",
        f"Reporting-MTA: dns; {host.name}",
        f"Reported-Domain: {original.writer().rpartition('@')[2]}",
    ]
    if host.temper.redacts:
        reported = reported.replace(original.recipient.encode(), b"redacted@" + host.domains[0].encode())
    else:
        fields.append(f"Original-Rcpt-To: <{original.recipient}>")
    note = f"This is an abuse report about a message received from {original.source}.\r\n".encode()
    parts = [
        ("text/plain; charset=us-ascii", note),
        ("message/feedback-report", ("\r\n".join(fields) + "\r\n").encode()),
        ("message/rfc822", reported),
    ]
    writer = f"feedback@{host.domains[0]}"
    head = [f"From: {writer}", f"To: {occasion.complaints_to}", f"Subject: FW: {_raw(original, b'Subject')}"]
    content = _multipart(head, "feedback-report", parts, occasion)
    return Mail(writer, occasion.complaints_to, occasion.message_id(), content)


def _raw(original: Original, name: bytes) -> str:
    """The field's value as it stands in the header, folding included."""
    value = str(message_from_bytes(original.content.partition(b"\r\n\r\n")[0]).get(name.decode(), ""))
    return value.replace("\r\n", "\n").replace("\n", "\r\n")


def _multipart(head: list[str], kind: str, parts: list[tuple[str, bytes]], occasion: Occasion) -> bytes:
    boundary = f"=_{occasion.token}"
    lines = [
        *head,
        f"Date: {format_datetime(occasion.now)}",
        f"Message-ID: {occasion.message_id()}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="{boundary}"',
        "",
        "",
    ]
    bodies = [f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + body + b"\r\n" for kind, body in parts]
    return "\r\n".join(lines).encode() + b"".join(bodies) + f"--{boundary}--\r\n".encode()
