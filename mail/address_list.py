"""The addresses of a header field as octets, groups and broken ones too (RFC 5322 §3.4, §4.4).

Pure, never raises, linear. Called by mail/imap_structure. Names stay encoded. What is missing in an address is named
MISSING_MAILBOX or MISSING_DOMAIN, as Dovecot does: an empty string or NIL would mean something else in ENVELOPE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MISSING_MAILBOX = b"MISSING_MAILBOX"
MISSING_DOMAIN = b"MISSING_DOMAIN"

_TOKEN = re.compile(
    rb'(?P<space>\s+)|"(?P<quoted>(?:[^"\\]|\\.)*+)"?|(?P<special>[<>@,;:])|(?P<comment>\()'
    rb'|(?P<literal>\[[^\]]*+\]?)|(?P<atom>[^\s"\[<>@,;:()]++)|.',
    re.DOTALL,
)
_PARENTHESIS = re.compile(rb"[()]|\\.", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One address, or one end of a group: its start has a mailbox (its name) and no host, its end has neither."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


GROUP_END = Entry(None, None, None, None)


@dataclass(slots=True)
class _Word:
    text: bytes
    spaced: bool
    at: bool = False


@dataclass(slots=True)
class _Reader:
    entries: list[Entry] = field(default_factory=list)
    words: list[_Word] = field(default_factory=list)
    phrase: list[_Word] | None = None  # the words before "<", while and after it is open
    angle: bool = False
    group: bool = False
    comment: bytes | None = None

    def special(self, char: bytes, spaced: bool) -> None:
        if char == b"<" and self.phrase is None:
            self.phrase, self.words, self.angle = self.words, [], True
        elif char == b">":
            self.angle = False
        elif char == b"," and not (self.angle and self.words and self.words[0].at):
            self.finish()
        elif char == b";" and not self.angle:
            self.finish()
            self.end_group()
        elif char == b":" and self.phrase is None and not self.group and not any(word.at for word in self.words):
            self.entries.append(Entry(None, None, _joined(self.words), None))
            self.words, self.comment, self.group = [], None, True
        else:
            self.word(char, spaced, at=char == b"@")

    def word(self, text: bytes, spaced: bool, at: bool = False) -> None:
        """What follows a closed angle bracket is lost: no address has anything there."""
        if self.angle or self.phrase is None:
            self.words.append(_Word(text, spaced, at))

    def finish(self) -> None:
        """The address that was read so far, if any."""
        if self.words or self.phrase is not None:
            self.entries.append(self._entry())
        self.words, self.phrase, self.angle, self.comment = [], None, False, None

    def end_group(self) -> None:
        if self.group:
            self.entries.append(GROUP_END)
        self.group = False

    def _entry(self) -> Entry:
        route = _cut_route(self.words) if self.phrase is not None else None
        at = max((number for number, word in enumerate(self.words) if word.at), default=len(self.words))
        before, after = self.words[:at], self.words[at + 1 :]
        name = self.phrase if self.phrase is not None else _cut_name(before)
        return Entry(
            (_joined(name) if name else self.comment) or None,
            route,
            b"".join(word.text for word in before) or MISSING_MAILBOX,
            b"".join(word.text for word in after) or MISSING_DOMAIN,
        )


def _cut_route(words: list[_Word]) -> bytes | None:
    """Take `@one,@two:` off the front of what is in the angle brackets (RFC 5322 §4.4)."""
    if not words or not words[0].at:
        return None
    end = next((number for number, word in enumerate(words) if word.text == b":"), None)
    if end is None:
        return None
    route = b"".join(word.text for word in words[:end])
    del words[: end + 1]
    return route


def _cut_name(words: list[_Word]) -> list[_Word]:
    """Take off the front what blanks divide from the local part; dots may have blanks around (RFC 5322 §4.4)."""
    cut = len(words) - 1
    while cut > 0 and (not words[cut].spaced or words[cut].text[:1] == b"." or words[cut - 1].text[-1:] == b"."):
        cut -= 1
    name = words[: max(cut, 0)]
    del words[: max(cut, 0)]
    return name


def _joined(words: list[_Word]) -> bytes:
    return b"".join((b" " if number and word.spaced else b"") + word.text for number, word in enumerate(words))


def read_addresses(value: bytes, limit: int) -> list[Entry]:
    """The entries of an unfolded value, about `limit` at most; a group that is not closed is closed at the end."""
    reader = _Reader()
    at = 0
    spaced = False
    while len(reader.entries) < limit and (found := _TOKEN.match(value, at)):
        at = found.end()
        kind = found.lastgroup
        if kind == "comment":
            at, reader.comment = _comment(value, at)
        elif kind == "special":
            reader.special(found[0], spaced)
        elif kind == "quoted":
            reader.word(_ESCAPE.sub(rb"\1", found["quoted"]), spaced)
        elif kind != "space":
            reader.word(found[0], spaced)
        spaced = kind in ("space", "comment")
    reader.finish()
    reader.end_group()
    return reader.entries


def _comment(value: bytes, start: int) -> tuple[int, bytes]:
    """Where the comment that was opened before `start` ends, and its text; comments nest (RFC 5322 §3.2.2)."""
    depth = 1
    for found in _PARENTHESIS.finditer(value, start):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if not depth:
            return found.end(), value[start : found.start()].strip()
    return len(value), value[start:].strip()
