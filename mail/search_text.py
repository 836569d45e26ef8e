"""What SEARCH looks for words in: header and text of a mail, decoded and without regard to case, as UTF-8 octets.

Pure, never raises, linear. Made at filing by mail/mime_index and kept beside the row; a text that is longer than KEPT
is made anew from the octets when somebody searches. `fold` is for the words that are looked for, too. Fields are
lines `\\nname: value` and end in a line feed; texts of parts are divided by a NUL, which no word can hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from mail.charsets import in_charset
from mail.encoded_words import decoded
from mail.header import Headers
from mail.mime_scan import Entity, scan
from mail.parts import transferred

KEPT: Final = 256 * 1024


class SearchText(msgspec.Struct, frozen=True):
    """`header`: the mail's own fields; `inner`: those of its parts; `text`: of the parts, None where it is not kept."""

    header: bytes
    inner: bytes
    text: bytes | None


def fold(words: str) -> bytes:
    """Without regard to case, line ends as one line feed."""
    return words.casefold().replace("\r\n", "\n").encode("utf-8", "replace")


def search_text(raw: bytes, root: Entity) -> SearchText:
    """What is kept of `raw`; `root`: what `mime_scan.scan` found in it."""
    entities = list(_entities(root))
    text = _texts(raw, entities, KEPT)
    return SearchText(_fields([root.headers]), _fields(entity.headers for entity in entities[1:]), text)


def text_of(raw: bytes) -> bytes:
    """The `text` of a mail for which none is kept, however long it is."""
    found = _texts(raw, _entities(scan(raw)), None)
    assert found is not None
    return found


def values_of(block: bytes, name: bytes) -> Iterator[bytes]:
    """The values of a field (its name in lower case) in a folded header."""
    mark = b"\n" + name + b": "
    at = block.find(mark)
    while at >= 0:
        start = at + len(mark)
        end = block.index(b"\n", start)
        yield block[start:end]
        at = block.find(mark, end)


def _entities(root: Entity) -> Iterator[Entity]:
    """All of them, the outer before the inner."""
    waiting = [root]
    while waiting:
        entity = waiting.pop()
        yield entity
        waiting.extend(reversed(entity.children))


def _fields(blocks: Iterable[Headers]) -> bytes:
    lines = [
        b"\n%b: %b" % (name, value.replace(b"\r", b"").replace(b"\n", b"").replace(b"\t", b" ").strip())
        for headers in blocks
        for name, values in headers.fields.items()
        for value in values
    ]
    if not lines:
        return b""
    block = b"".join([*lines, b"\n"])
    if block.isascii() and b"=?" not in block and b"\0" not in block:
        return block.lower()
    return b"".join([*(b"\n" + _one_line(line[1:]) for line in lines), b"\n"])


def _one_line(field: bytes) -> bytes:
    return fold(decoded(in_charset(field, ""))).replace(b"\n", b" ").replace(b"\r", b" ")


def _texts(raw: bytes, entities: Iterable[Entity], limit: int | None) -> bytes | None:
    """The text parts, decoded; None once there is more than `limit`."""
    found: list[bytes] = []
    left = limit
    for entity in entities:
        if entity.children or not (entity.content.matches(b"text") or entity.content.matches(b"message")):
            continue
        if left is not None and entity.end - entity.body_start > 3 * left:
            return None
        found.append(fold(_decoded(raw, entity)))
        if left is not None and (left := left - len(found[-1])) < 0:
            return None
    return b"\0".join(found)


def _decoded(raw: bytes, entity: Entity) -> str:
    encoding = entity.headers.first("Content-Transfer-Encoding") or ""
    charset = next((value for name, value in entity.content.parameters if name.lower() == b"charset"), b"")
    return in_charset(transferred(raw[entity.body_start : entity.end], encoding), charset.decode("latin-1"))
