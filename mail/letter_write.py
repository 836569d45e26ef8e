"""An answer as it goes out: who to whom, what it answers, its words and files (RFC 5322 §3.6).

Pure. Called by admin/acts/answers. ValueError says which part cannot be written. Blind copies stand in no copy but the
writer's own, which `with_blind_copies` makes for the folder of sent mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mail.address import Address, display
from mail.attachment import Attachment
from mail.header import encode, fold
from mail.message import date_text, literal_body

REFERENCES: Final = 20  # the first of them, and the latest


@dataclass(frozen=True, slots=True)
class Written:
    """`message_id` and `references` have their brackets; the last reference is what is answered."""

    author: Address
    author_name: str
    to: Address
    copies: Sequence[Address]
    subject: str
    message_id: str
    references: Sequence[str]
    html: str
    text: str
    attachments: Sequence[Attachment]
    at: datetime


def write_letter(letter: Written) -> bytes:
    fields = [fold("From", display(letter.author_name, letter.author)), fold("To", str(letter.to))]
    if letter.copies:
        fields.append(fold("Cc", _listed(letter.copies)))
    fields.append(encode("Subject", letter.subject))
    fields.append(f"Date: {date_text(letter.at)}\r\n".encode())
    fields.append(fold("Message-ID", letter.message_id))
    if letter.references:
        fields.append(fold("In-Reply-To", letter.references[-1]))
        fields.append(fold("References", " ".join(_kept(letter.references))))
    return b"".join([*fields, literal_body(letter.html, letter.text, letter.attachments, letter.message_id)])


def with_blind_copies(content: bytes, blind: Sequence[Address]) -> bytes:
    return fold("Bcc", _listed(blind)) + content if blind else content


def _listed(addresses: Sequence[Address]) -> str:
    return ", ".join(str(one) for one in addresses)


def _kept(references: Sequence[str]) -> list[str]:
    """The head of the thread and its latest (RFC 5322 leaves the number open; hosts refuse endless fields)."""
    unique = list(dict.fromkeys(references))
    return unique if len(unique) <= REFERENCES else [unique[0], *unique[1 - REFERENCES :]]
