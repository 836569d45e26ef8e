"""Where the parts of a message lie in its octets: one pass, no copy of a body (RFC 2046 §5.1, §5.2.1).

Pure, never raises. Called by mail/mime_index. Time is linear: each delimiter line is looked up among all open
boundaries at once. Limits: `DEPTH` nested entities (deeper ones are one octet-stream), `PARTS` entities (what follows
stays in the last one), `HEADER_LIMIT` octets of each header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mail.header import HEADER_LIMIT, Headers
from mail.mime_content import MESSAGE, OCTETS, PLAIN, Content, content_type

DEPTH = 100
PARTS = 1000

_BLANK_LINE = re.compile(rb"\n\r?\n")
_DASHES = re.compile(rb"\n--([^\r\n]{1,300})")


@dataclass(slots=True)
class Entity:
    """raw[header_start:body_start] is the header with its blank line, raw[body_start:end] the body.

    `children`: the parts of a multipart (at least one), the inner message of a message/rfc822, nothing else.
    """

    header_start: int
    body_start: int
    end: int
    headers: Headers
    content: Content
    children: list[Entity] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Level:
    """An open multipart; `hidden`: the level that had the same boundary before."""

    entity: Entity
    boundary: bytes
    opened: int
    hidden: int | None


@dataclass(frozen=True, slots=True)
class _Delimiter:
    """A delimiter line: `start` of its dashes, `end` after its line end."""

    start: int
    end: int
    level: int
    closing: bool


def scan(raw: bytes) -> Entity:
    """The message as a tree of entities."""
    scanner = _Scanner(raw)
    root = scanner.open(0, PLAIN)
    at = scanner.open_entities[-1].body_start
    while found := scanner.delimiter(at, len(raw)):
        at = scanner.pass_delimiter(found)
    scanner.close(0, len(raw))
    return root


class _Scanner:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.count = 0
        self.levels: list[_Level] = []
        self.boundaries: dict[bytes, int] = {}
        self.open_entities: list[Entity] = []

    def open(self, start: int, default: Content) -> Entity:
        """The entity whose header begins at `start`, and open with it what it wraps."""
        self.count += 1
        body_start = self._body_start(start)
        headers = Headers.between(self.raw, start, body_start)
        types = headers.octets("Content-Type")
        content = self._bounded(content_type(types[0] if types else None, default))
        entity = Entity(start, body_start, body_start, headers, content)
        self.open_entities.append(entity)
        if content.matches(b"multipart"):
            self._push(entity)
        elif content.matches(b"message", b"rfc822", b"global"):
            entity.children.append(self.open(body_start, PLAIN))
        return entity

    def _bounded(self, content: Content) -> Content:
        """`content`, or what stands for it where it may not or cannot be looked into."""
        if content.matches(b"multipart"):
            if not content.boundary:
                return PLAIN
        elif not content.matches(b"message", b"rfc822", b"global"):
            return content
        return content if len(self.open_entities) < DEPTH and self.count < PARTS else OCTETS

    def _body_start(self, start: int) -> int:
        """After the blank line, or at a delimiter line that comes before it, or at the limit."""
        if self.raw.startswith((b"\r\n", b"\n"), start):
            return self.raw.index(b"\n", start) + 1
        limit = min(len(self.raw), start + HEADER_LIMIT)
        # The delimiter first: the part ends there, so however many parts there are no octet is searched often.
        early = self.delimiter(start, limit)
        stop = early.start if early else limit
        blank = _BLANK_LINE.search(self.raw, start, stop)
        return blank.end() if blank else stop

    def _push(self, entity: Entity) -> None:
        boundary = entity.content.boundary
        hidden = self.boundaries.get(boundary)
        self.boundaries[boundary] = len(self.levels)
        self.levels.append(_Level(entity, boundary, len(self.open_entities), hidden))

    def delimiter(self, at: int, until: int) -> _Delimiter | None:
        """The first delimiter line of an open multipart from `at` (a line's start) on."""
        if not self.boundaries:
            return None
        for found in _DASHES.finditer(self.raw, max(at - 1, 0), until):
            line = found[1].rstrip()
            closing = line not in self.boundaries
            level = self.boundaries.get(line.removesuffix(b"--") if closing else line)
            if level is None or (closing and not line.endswith(b"--")):
                continue
            newline = self.raw.find(b"\n", found.end())
            end = newline + 1 if newline >= 0 else len(self.raw)
            return _Delimiter(found.start() + 1, end, level, closing)
        return None

    def pass_delimiter(self, found: _Delimiter) -> int:
        """Close what the line ends, open what it begins; where to go on."""
        if not found.closing and self.count >= PARTS:
            return found.end
        level = self.levels[found.level]
        self._drop_levels(found.level + 1)
        # The line end before the dashes belongs to the delimiter.
        self.close(level.opened, found.start - (2 if self.raw[found.start - 2 : found.start] == b"\r\n" else 1))
        if found.closing:
            self._drop_levels(found.level)
            return found.end
        default = MESSAGE if level.entity.content.matches(b"multipart", b"digest") else PLAIN
        level.entity.children.append(self.open(found.end, default))
        return self.open_entities[-1].body_start

    def _drop_levels(self, kept: int) -> None:
        while len(self.levels) > kept:
            level = self.levels.pop()
            if level.hidden is None:
                del self.boundaries[level.boundary]
            else:
                self.boundaries[level.boundary] = level.hidden

    def close(self, kept: int, end: int) -> None:
        """End all open entities but the first `kept`; a multipart without parts gets an empty one."""
        while len(self.open_entities) > kept:
            entity = self.open_entities.pop()
            # A delimiter right behind its own line has no line end to itself: the part is nothing.
            entity.end = end = max(end, entity.header_start)
            entity.body_start = min(entity.body_start, end)
            if entity.content.matches(b"multipart") and not entity.children:
                entity.children.append(Entity(entity.end, entity.end, entity.end, Headers({}), PLAIN))
