"""What SORT and THREAD compare, worked out once at filing (RFC 5256 §2, RFC 5957).

Pure, never raises. Made by mail/mime_index, kept beside the row as `to_bytes` gives it, read by imap/.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from mail.address_list import Entry, read_addresses
from mail.base_subject import base_subject
from mail.charsets import in_charset
from mail.encoded_words import decoded
from mail.header import Headers

REFERENCES: Final = 100  # of the thread's first and last mails; a list may be as long as the header
LENGTH: Final = 200  # characters of what only orders
_DATE_LENGTH: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ID: Final = re.compile(r"<([^<>]{1,998})>")
_QUOTING: Final = re.compile(r'[\s"\\]')


class SortKeys(msgspec.Struct, frozen=True, array_like=True):
    """Words are without regard to case, ids as they are. `sent`: microseconds since 1970; `day`: its own zone's."""

    sent: int | None
    day: int | None  # proleptic ordinal
    subject: str
    answers: bool  # a reply or a forward by its subject
    author: str
    to: str
    cc: str
    shown_author: str
    shown_to: str
    message_id: str
    references: tuple[str, ...]

    def to_bytes(self) -> bytes:
        return _ENCODER.encode(self)

    @classmethod
    def from_bytes(cls, octets: bytes) -> SortKeys:
        """What `to_bytes` gave; msgspec.DecodeError for anything else."""
        return _DECODER.decode(octets)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(SortKeys)


def sort_keys(headers: Headers) -> SortKeys:
    sent = _sent(headers.first("Date") or "")
    subject, answers = base_subject(decoded(_first(headers, "Subject")))
    author, shown_author = _first_address(headers, "From")
    to, shown_to = _first_address(headers, "To")
    own = _ids(_first(headers, "Message-ID"))
    return SortKeys(
        sent=None if sent is None else (sent - _EPOCH) // timedelta(microseconds=1),
        day=None if sent is None else sent.toordinal(),
        subject=_collated(subject),
        answers=answers,
        author=author,
        to=to,
        cc=_first_address(headers, "Cc")[0],
        shown_author=shown_author,
        shown_to=shown_to,
        message_id=own[0] if own else "",
        references=_references(headers),
    )


def _first(headers: Headers, name: str) -> str:
    values = headers.octets(name)
    return in_charset(values[0], "") if values else ""


def _sent(value: str) -> datetime | None:
    """A date without a zone is in UTC (RFC 5256 §2.2)."""
    try:
        found = parsedate_to_datetime(value[:_DATE_LENGTH])
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        found.astimezone(UTC)
    except (ValueError, IndexError, OverflowError):
        return None
    return found


def _first_address(headers: Headers, name: str) -> tuple[str, str]:
    """Mailbox, and what is shown for it: its name, else the whole address (RFC 5957 §3)."""
    values = headers.octets(name)
    entries = read_addresses(values[0], 2) if values else []
    entry = next((one for one in entries if one.mailbox is not None), None)
    if entry is None:
        return "", ""
    return _word(entry.mailbox), _word(entry.name) or _whole(entry)


def _whole(entry: Entry) -> str:
    return _word(entry.mailbox) + ("@" + _word(entry.host) if entry.host else "")


def _word(octets: bytes | None) -> str:
    return _collated(decoded(in_charset(octets or b"", ""))[:LENGTH])


def _collated(words: str) -> str:
    """As i;unicode-casemap compares them: in capitals, letters apart from their accents (RFC 5051 §2)."""
    return unicodedata.normalize("NFKD", words.upper())


def _references(headers: Headers) -> tuple[str, ...]:
    """In-Reply-To counts where References has none, and only its first (RFC 5256 §3)."""
    found = _ids(" ".join(in_charset(value, "") for value in headers.octets("References")))
    found = found or _ids(_first(headers, "In-Reply-To"))[:1]
    return tuple(found if len(found) <= REFERENCES else found[: REFERENCES // 2] + found[-REFERENCES // 2 :])


def _ids(value: str) -> list[str]:
    """What stands in angle brackets, quoting undone."""
    return [identity for found in _ID.findall(value) if "@" in (identity := _QUOTING.sub("", found))]
