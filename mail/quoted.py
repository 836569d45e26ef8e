"""A reply as people see it: what its author wrote, and what he quoted, so that the second can be folded away.

Pure, never raises, linear. Called by mail/letter with text of any origin. Nothing is lost: every line is in one of the
two. A mail of nothing but a quotation (a forward) has it as its own words. What announces a quotation is in the tables
of mail/quoted_words; RFC 3676 §4.5 for ">".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mail.quoted_words import DIVIDER, FROM_LABEL, OTHER_LABELS, WROTE

CUT: Final = "\ufdd2"  # a line of this alone: all behind it is quoted; mail/page_text puts it where HTML says so
_ANNOUNCEMENT: Final = 4  # lines at most: Gmail and Apple Mail break them
_LINE: Final = 400  # characters of a line that are looked at
_BLOCK: Final = 8  # lines of Outlook's header block
_AHEAD: Final = 3  # blank lines between an announcement and what it announces
_QUOTE: Final = re.compile(r"[ \t]{0,3}>")
_SIGN: Final = re.compile(f"[:：>=*_–—{CUT}-]")  # of marks, colons, and the dashes of quoted_words.DIVIDER
_RULE: Final = re.compile(r"[ \t]*[_-]{20,}[ \t]*")
_ADDRESS_LAST: Final = re.compile(r"""[<(\["'][^<>()\s@"']{1,64}@[^<>()\s"']{1,255}[>)\]"'][ \t]*[:：]$""")
_DATE: Final = re.compile(r"(?<!\d)\d{4}(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
_TIME: Final = re.compile(r"(?<!\d)\d{1,2}[:.]\d{2}(?!\d)")
_VERB_LAST: Final = re.compile(r"[ \t]*\)?[ \t]*[:：]$")
# Marks that turn the direction of what follows can make one text look like another (Unicode TR #36).
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_BLANKS: Final = re.compile(r"\n(?:[ \t]*\n){2,}")


@dataclass(frozen=True, slots=True)
class Quoted:
    """`quoted` keeps its marks and the line that announced it."""

    own: str
    quoted: str


def split_quoted(text: str) -> Quoted:
    """The two parts of a text with LF or CRLF line ends."""
    plain = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line.rstrip() for line in plain.split("\n")]
    own: list[str] = []
    quoted: list[str] = []
    at = 0
    for sign in _signs(lines):
        # What has no sign, nor one below it that it may announce, is his own.
        if (first := sign - _ANNOUNCEMENT + 1) > at:
            own += lines[at:first]
            at = first
        while at <= sign:
            if _cuts(lines, at):
                return _told(own, quoted + lines[at:])
            taken = _quotation(lines, at)
            (quoted if taken else own).extend(lines[at : at + (taken or 1)])
            at += taken or 1
    return _told(own + lines[at:], quoted)


def _signs(lines: Sequence[str]) -> list[int]:
    """The lines that have a character without which nothing is announced, cut or quoted."""
    return [at for at, line in enumerate(lines) if _SIGN.search(line)]


def _told(own: Sequence[str], quoted: Sequence[str]) -> Quoted:
    words, rest = _tidy(own), _tidy([line for line in quoted if line != CUT])
    return Quoted(words, rest) if words else Quoted(rest, "")


def _tidy(lines: Sequence[str]) -> str:
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip("\n")


def _cuts(lines: Sequence[str], at: int) -> bool:
    """Whether all from here on is quoted without marks."""
    line = lines[at][:_LINE]
    if line == CUT or DIVIDER.fullmatch(line):
        return True
    if _RULE.fullmatch(line):
        return _is_block(lines, _next_text(lines, at + 1))
    if _is_block(lines, at):
        return True
    taken = _announcement(lines, at)
    return bool(taken) and not _is_quote(lines, _next_text(lines, at + taken)) and _is_sure(lines, at, taken)


def _quotation(lines: Sequence[str], at: int) -> int:
    """How many lines from here are quoted, marks and announcement together; 0 where none are."""
    if _QUOTE.match(lines[at]):
        return 1
    taken = _announcement(lines, at)
    return taken if taken and _is_quote(lines, _next_text(lines, at + taken)) else 0


def _announcement(lines: Sequence[str], at: int) -> int:
    """How many lines "On DATE, NAME wrote:" takes here; 0 where it is none."""
    if not lines[at].strip() or (at and lines[at - 1].strip() and not _QUOTE.match(lines[at - 1])):
        return 0 if not _begins(lines, at) else _length(lines, at)
    return _length(lines, at)


def _begins(lines: Sequence[str], at: int) -> bool:
    """Behind a line of text, only one that is whole in itself and stands right above its quotation."""
    whole = lines[at].endswith((":", "：")) and _is_quote(lines, _next_text(lines, at + 1))
    return whole and bool(lines[at].strip())


def _length(lines: Sequence[str], at: int) -> int:
    for count in range(1, _ANNOUNCEMENT + 1):
        if at + count > len(lines) or not lines[at + count - 1].strip() or _QUOTE.match(lines[at + count - 1]):
            return 0
        if lines[at + count - 1].endswith((":", "：")):
            last = lines[at + count - 1][:_LINE]
            # One that is whole in its last line does not begin before it.
            late = count > 1 and _is_dated(last) and _announces(last)
            return count if not late and _announces(_joined(lines, at, count)) else 0
    return 0


def _announces(line: str) -> bool:
    """A verb of writing with a date or an address, or a date and, last of all, an address (Yandex, Mail.ru, Gmail)."""
    dated = _is_dated(line)
    return (dated and _ADDRESS_LAST.search(line) is not None) or (
        WROTE.search(line) is not None and (dated or "@" in line)
    )


def _is_sure(lines: Sequence[str], at: int, taken: int) -> bool:
    """Whether it can be nothing else, though no marks follow: verb or address are last, or day and hour are told."""
    line = _joined(lines, at, taken)
    verbs = list(WROTE.finditer(line))
    if (verbs and _VERB_LAST.fullmatch(line, verbs[-1].end())) or _ADDRESS_LAST.search(line):
        return _is_dated(line)
    return bool(verbs) and _DATE.search(line) is not None and (_TIME.search(line) is not None or "@" in line)


def _is_dated(line: str) -> bool:
    return _DATE.search(line) is not None or _TIME.search(line) is not None


def _joined(lines: Sequence[str], at: int, count: int) -> str:
    return " ".join(line.strip()[:_LINE] for line in lines[at : at + count])


def _next_text(lines: Sequence[str], at: int) -> int:
    """The first line from here that is not blank, looked for not far; `at` where there is none."""
    return next((n for n in range(at, min(at + _AHEAD, len(lines))) if lines[n].strip()), at)


def _is_quote(lines: Sequence[str], at: int) -> bool:
    return at < len(lines) and _QUOTE.match(lines[at]) is not None


def _is_block(lines: Sequence[str], at: int) -> bool:
    """Outlook's: From, and two of date, To and subject behind it."""
    if at >= len(lines) or not FROM_LABEL.match(lines[at]):
        return False
    below = [line[:_LINE] for line in lines[at + 1 : at + _BLOCK]]
    return sum(any(label.match(line) for line in below) for label in OTHER_LABELS) >= 2
