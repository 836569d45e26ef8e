"""The first words of a mail for a list of mails (RFC 8970): at most LENGTH characters of its text, on one line.

Pure, never raises. Made at filing by mail/mime_index.
"""

from __future__ import annotations

import re
from typing import Final

from mail.charsets import in_charset
from mail.mime_scan import Entity
from mail.parts import transferred, without_tags

LENGTH: Final = 200  # RFC 8970 §3.1
LOOKED_AT: Final = 20_000  # octets of the part
_SILENT: Final = re.compile(r"<(style|script|head|title)\b.{0,20000}?(?:</\1\s*>|\Z)|<!--.{0,20000}?-->", re.I | re.S)
_OPENED: Final = re.compile(r"<[^>]*\Z")


def preview(raw: bytes, root: Entity) -> str:
    """Of the first text/plain part that says anything, else of the first HTML page."""
    pages: list[Entity] = []
    waiting = [root]
    while waiting:
        entity = waiting.pop()
        waiting.extend(reversed(entity.children))
        if entity.content.matches(b"text", b"plain") and not entity.children:
            if words := _one_line(_text(raw, entity)):
                return words
        elif entity.content.matches(b"text", b"html"):
            pages.append(entity)
    return _one_line(without_tags(_OPENED.sub("", _SILENT.sub(" ", _text(raw, pages[0]))))) if pages else ""


def _text(raw: bytes, entity: Entity) -> str:
    octets = raw[entity.body_start : min(entity.end, entity.body_start + LOOKED_AT)]
    charset = next((value for name, value in entity.content.parameters if name.lower() == b"charset"), b"")
    encoding = entity.headers.first("Content-Transfer-Encoding") or ""
    return in_charset(transferred(octets, encoding), charset.decode("latin-1"))


def _one_line(text: str) -> str:
    return " ".join(text[: LENGTH * 20].split())[:LENGTH].strip()
