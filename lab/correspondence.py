"""Mail that people write, and their programs in their absence: answers, letters, out-of-office notes (RFC 3834).

Pure. lab/comebacks.py and lab/postman.py call it. Answers carry In-Reply-To, References and quoted text in the ways
that people's programs have.
"""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from zlib import crc32

from lab.description import Host, Person
from lab.occasion import Mail, Occasion, Original


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


def reply(occasion: Occasion) -> Mail:
    """A person answers the From."""
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


def away(occasion: Occasion) -> Mail:
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
