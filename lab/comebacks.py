"""What comes back after a mail was taken: reports, complaints, answers, out-of-office notes, letters; as whole mails.

Pure: the instant and the token of each mail are arguments. lab/postman.py sends what `composed` returns. DSNs are
RFC 3464 in multipart/report (RFC 6522), written as four families of hosts write them; complaints are ARF (RFC 5965);
out-of-office notes are RFC 3834; answers carry In-Reply-To, References and quoted text as people's programs do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final
from zlib import crc32

from lab.description import Host, Person, Style
from lab.tempers import Cause, Comeback, words

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


def composed(comeback: Comeback, occasion: Occasion) -> Mail:
    """The mail for this occasion."""
    return _COMPOSERS[comeback](occasion)


def letter(host: Host, person: Person, forward_path: str, now: datetime, token: str) -> Mail:
    """A mail that a person writes of their own accord."""
    message = _from_person(person, forward_path, now, f"<{token}@{host.name}>")
    message["Subject"] = "My mailbox works again"
    message.set_content(
        "Hello,\n\nmy provider had closed my mailbox by mistake, and it took them a week. It is open again, so "
        f"please go on writing to me here.\n\nBest wishes\n{person.name}\n"
    )
    return Mail(person.address, forward_path, f"<{token}@{host.name}>", message.as_bytes(policy=SMTP))


def _from_person(person: Person, forward_path: str, now: datetime, message_id: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{person.name} <{person.address}>"
    message["To"] = forward_path
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    return message


_ANSWERS: Final = (
    "Thanks, that came at the right moment. Could you put two of them aside for me until Saturday?",
    "Hi! Does the offer also hold for the shop in the old town? I would drop by on Friday — if you are open.",
    "Guten Tag, schöne Ausgabe! Wird es die Größe M noch einmal geben? Viele Grüße",
    "I moved last month, so the parcel should go to the new address. What do you need from me?",
    "Lovely pictures this time. Please tell Marta that the recipe on page two needs less sugar :)",
)


def _reply(occasion: Occasion) -> Mail:
    person, original = occasion.person, occasion.original
    to = original.writer()
    message = _from_person(person, to, occasion.now, occasion.message_id())
    message["Subject"] = f"Re: {original.header('Subject')}"
    message["In-Reply-To"] = original.message_id
    message["References"] = original.message_id
    message["User-Agent"] = "Feather 4.2"
    message.set_content(_answer_text(person, original))
    return Mail(person.address, to, occasion.message_id(), message.as_bytes(policy=SMTP))


def _answer_text(person: Person, original: Original) -> str:
    """An answer above or below the quotation, or above the whole mail as office programs put it."""
    pick = crc32(person.address.encode())
    said, quoted = _ANSWERS[pick % len(_ANSWERS)], original.text_lines()
    signed = f"{said}\n\n{person.name}\n"
    marked = "\n".join("> " + line for line in quoted)
    on = f"On {format_datetime(original.taken_at)}, {original.writer()} wrote:"
    forms = (
        f"{signed}\n{on}\n{marked}\n",
        f"{on}\n{marked}\n\n{signed}",
        f"{signed}\n-----Original Message-----\nFrom: {original.writer()}\n" + "\n".join(quoted) + "\n",
    )
    return forms[pick % len(forms)]


def _away(occasion: Occasion) -> Mail:
    """Half of the programs answer the reverse-path (RFC 3834 §4), half the From."""
    person, original = occasion.person, occasion.original
    to = original.writer() if crc32(person.address.encode()) % 2 else original.reverse_path
    message = _from_person(person, to, occasion.now, occasion.message_id())
    message["Subject"] = f"Automatic reply: {original.header('Subject')}"
    message["In-Reply-To"] = original.message_id
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(
        "Hello,\n\nI am out of the office until the 14th and read no mail. In urgent cases call my desk.\n\n"
        f"{person.name}\n"
    )
    return Mail("", to, occasion.message_id(), message.as_bytes(policy=SMTP))


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


def _dsn(occasion: Occasion) -> Mail:
    return _report(occasion, "failed")


def _delay(occasion: Occasion) -> Mail:
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


def _complaint(occasion: Occasion) -> Mail:
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


_COMPOSERS: Final[Mapping[Comeback, Callable[[Occasion], Mail]]] = {
    Comeback.DSN: _dsn,
    Comeback.DELAY: _delay,
    Comeback.COMPLAINT: _complaint,
    Comeback.REPLY: _reply,
    Comeback.AWAY: _away,
}
