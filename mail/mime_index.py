"""What IMAP needs of a message, worked out once at filing: ENVELOPE, BODY, BODYSTRUCTURE, where each section lies,
what SEARCH, SORT and THREAD look at.

Pure, never raises on any octets, bounded in time, depth and parts (mail/mime_scan). Called by whoever files a message
(sorter, APPEND); imap/ answers FETCH from the result: structures as they are, BODY[1.2.MIME] by slicing the octets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from mail.imap_structure import Writer
from mail.mime_scan import Entity, scan
from mail.object_id import email_id, thread_id
from mail.preview import preview
from mail.search_text import SearchText, search_text
from mail.sort_keys import SortKeys, sort_keys

_SECTION = re.compile(
    r"((?:[1-9]\d{0,3}(?:\.[1-9]\d{0,3}){0,199})?)(?:(?:^|(?<=\d)\.)(HEADER|TEXT|MIME))?", re.IGNORECASE
)


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Offsets in the raw octets; `text_start`: where the body begins of the message that the part is, -1 if none."""

    header_start: int
    body_start: int
    end: int
    text_start: int = -1


_DECODER = msgspec.msgpack.Decoder(dict[str, Part])


@dataclass(frozen=True, slots=True)
class PartIndex:
    """Section number -> place; "" is the message itself."""

    parts: dict[str, Part]

    def place(self, section: str) -> tuple[int, int] | None:
        """Start and end of "", "HEADER", "TEXT", "1.2", "1.2.MIME", "1.2.HEADER", "1.2.TEXT"; None if there is none."""
        asked = _SECTION.fullmatch(section)
        part = self.parts.get(asked[1]) if asked else None
        if asked is None or part is None:
            return None
        match (asked[2] or "").upper():
            case "":
                return part.body_start, part.end
            case "MIME":
                return (part.header_start, part.body_start) if asked[1] else None
            case "HEADER":
                return (part.body_start, part.text_start) if part.text_start >= 0 else None
        return (part.text_start, part.end) if part.text_start >= 0 else None

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(self.parts)

    @classmethod
    def from_bytes(cls, octets: bytes) -> PartIndex:
        """What `to_bytes` gave; msgspec.DecodeError for anything else."""
        return cls(_DECODER.decode(octets))


class Asked(msgspec.Struct, frozen=True):
    """What a mail is found and ordered by; the copies of a mail share it."""

    text: SearchText
    keys: SortKeys
    preview: str


@dataclass(frozen=True, slots=True)
class Indexed:
    """`envelope`, `body` and `bodystructure` are whole parenthesised lists, to be sent behind their names.

    `email_id` and `thread_id`: mail/object_id.
    """

    envelope: bytes
    body: bytes
    bodystructure: bytes
    parts: PartIndex
    email_id: str
    thread_id: str
    asked: Asked


def index(raw: bytes) -> Indexed:
    """Everything FETCH asks about `raw`, whatever it holds."""
    root = scan(raw)
    writer = Writer(raw)
    envelope = writer.envelope(root.headers)
    body, bodystructure = writer.structures(root)
    parts = {"": Part(0, 0, len(raw), root.body_start)}
    _number_message(root, "", parts)
    email = email_id(raw)
    asked = Asked(search_text(raw, root), sort_keys(root.headers), preview(raw, root))
    return Indexed(envelope, body, bodystructure, PartIndex(parts), email, thread_id(root.headers, email), asked)


def _number_message(message: Entity, prefix: str, parts: dict[str, Part]) -> None:
    """A message's parts are those of its multipart, or else it is itself part 1 (RFC 3501 §6.4.5)."""
    if message.content.matches(b"multipart"):
        _number_parts(message, prefix, parts)
    else:
        _number(message, f"{prefix}1", parts)


def _number_parts(multipart: Entity, prefix: str, parts: dict[str, Part]) -> None:
    for number, child in enumerate(multipart.children, 1):
        _number(child, f"{prefix}{number}", parts)


def _number(entity: Entity, section: str, parts: dict[str, Part]) -> None:
    if entity.content.matches(b"multipart"):
        parts[section] = Part(entity.header_start, entity.body_start, entity.end)
        _number_parts(entity, f"{section}.", parts)
    elif entity.children:
        inner = entity.children[0]
        parts[section] = Part(entity.header_start, entity.body_start, entity.end, inner.body_start)
        _number_message(inner, f"{section}.", parts)
    else:
        parts[section] = Part(entity.header_start, entity.body_start, entity.end)
