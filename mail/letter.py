"""A person's mail as it stands in a conversation: words, quotation, names of attachments, what it answers.

Pure, never raises, bounded (mail/mime_scan, and the limits below). The sorter's child reads it once, when the mail has
come; admin reads what programs of ours handed over. Plain text comes before HTML, as its author's program wrote both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from mail.charsets import in_charset
from mail.encoded_words import decoded
from mail.mime_content import Parameters, disposition
from mail.mime_scan import Entity, scan
from mail.page_text import page_text
from mail.parts import transferred
from mail.quoted import Quoted, split_quoted

TEXT: Final = 128 * 1024  # octets of a text that are looked at
OWN: Final = 32_000  # characters that are kept
QUOTATION: Final = 16_000
SUBJECT: Final = 500
ANSWERED: Final = 30  # Message-IDs that it may say it answers
_ATTACHMENTS: Final = 50
_NAME: Final = 200
_ID: Final = re.compile(r"<[!-;=?-~]{3,250}>")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Letter(msgspec.Struct, frozen=True):
    """`answers`: Message-IDs with their brackets, the nearest first. `cut`: there is more text than is here."""

    subject: str
    author: str
    own: str
    quoted: str
    attachments: tuple[str, ...]
    message_id: str
    answers: tuple[str, ...]
    cut: bool = False


def read_letter(raw: bytes) -> Letter:
    root = scan(raw)
    entities = list(_entities(root))
    words = _words(raw, entities)
    return Letter(
        subject=_shown(root, "Subject", SUBJECT),
        author=_shown(root, "From", SUBJECT),
        own=words.own[:OWN],
        quoted=words.quoted[:QUOTATION],
        attachments=tuple(name for one in entities if (name := _attached(one)))[:_ATTACHMENTS],
        message_id=next(iter(_ids(root, "Message-ID")), ""),
        answers=tuple(dict.fromkeys([*_ids(root, "In-Reply-To"), *reversed(_ids(root, "References"))]))[:ANSWERED],
        cut=len(words.own) > OWN or len(words.quoted) > QUOTATION,
    )


def _entities(root: Entity) -> Iterator[Entity]:
    """The parts of this mail; a message that it carries is one attachment, not looked into."""
    waiting = [root]
    while waiting:
        entity = waiting.pop()
        yield entity
        if entity.content.matches(b"multipart"):
            waiting.extend(reversed(entity.children))


def _words(raw: bytes, entities: list[Entity]) -> Quoted:
    plain = [one for one in entities if one.content.matches(b"text", b"plain") and not _is_attached(one)]
    pages = [one for one in entities if one.content.matches(b"text", b"html") and not _is_attached(one)]
    if texts := [text for one in plain[:20] if (text := _text(raw, one)).strip()]:
        return split_quoted("\n\n".join(texts)[:TEXT])
    return split_quoted("\n\n".join(page_text(_text(raw, one)) for one in pages[:5])[:TEXT])


def _text(raw: bytes, entity: Entity) -> str:
    octets = raw[entity.body_start : min(entity.end, entity.body_start + 2 * TEXT)]
    encoding = entity.headers.first("Content-Transfer-Encoding") or ""
    return in_charset(transferred(octets, encoding)[:TEXT], _named(entity.content.parameters, b"charset"))


def _named(parameters: Parameters, name: bytes) -> str:
    return next((value for key, value in parameters if key.lower() == name), b"").decode("latin-1")


def _disposition(entity: Entity) -> tuple[bytes, Parameters]:
    found = entity.headers.octets("Content-Disposition")
    return disposition(found[0]) if found else (b"", ())


def _is_attached(entity: Entity) -> bool:
    return _disposition(entity)[0].lower() == b"attachment"


def _attached(entity: Entity) -> str:
    """What it is called, "" where it is no attachment; one without a name goes by its type."""
    word, parameters = _disposition(entity)
    name = _file_name(parameters, b"filename") or _file_name(entity.content.parameters, b"name")
    if entity.content.matches(b"multipart"):
        return ""
    if name or word.lower() == b"attachment" or not entity.content.matches(b"text", b"plain", b"html"):
        kind = f"{entity.content.kind.decode('latin-1')}/{entity.content.subtype.decode('latin-1')}".lower()
        return _CONTROLS.sub("", name).replace("/", "_").replace("\\", "_")[:_NAME].strip() or kind
    return ""


def _file_name(parameters: Parameters, name: bytes) -> str:
    """RFC 2231 in one piece or several, RFC 2047 where programs write that, else as it stands."""
    if extended := _named_octets(parameters, name + b"*"):
        charset, _, rest = extended.partition(b"'")
        return in_charset(unquote_to_bytes(rest.partition(b"'")[2]), charset.decode("latin-1"))
    if plain := _named_octets(parameters, name):
        return decoded(in_charset(plain, ""))
    return _in_pieces(parameters, name)


def _in_pieces(parameters: Parameters, name: bytes) -> str:
    charset, octets = "", b""
    for number in range(20):
        piece = b"%b*%d" % (name, number)
        if coded := _named_octets(parameters, piece + b"*"):
            if not number:
                first, _, rest = coded.partition(b"'")
                charset, coded = first.decode("latin-1"), rest.partition(b"'")[2]
            octets += unquote_to_bytes(coded)
        elif plain := _named_octets(parameters, piece):
            octets += plain
        else:
            break
    return in_charset(octets, charset)


def _named_octets(parameters: Parameters, name: bytes) -> bytes:
    return next((value for key, value in parameters if key.lower() == name), b"")


def _shown(root: Entity, name: str, limit: int) -> str:
    value = decoded((root.headers.first(name) or "")[: limit * 8])
    return _CONTROLS.sub("", value.replace("\t", " "))[:limit].strip()


def _ids(root: Entity, name: str) -> list[str]:
    return [found for value in root.headers.all(name)[:3] for found in _ID.findall(value[:20_000])]
