"""The words of an HTML mail from anywhere as plain text, with ">" before what its markup says is quoted.

Pure, never raises, linear: no element is built, no style is read, nothing is loaded. What remains is text, so nothing
of the page can act in the reader's. Called by mail/letter. Quotations are blockquotes and the containers that Gmail,
Yahoo, Thunderbird, Proton and Outlook put around them; where Outlook only marks the place, a line of mail/quoted.CUT.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from mail.quoted import CUT

LIMIT: Final = 256 * 1024  # characters of a page that are looked at
_DEPTH: Final = 20  # marks before a line
_TOKEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<silent>style|script|head|title|template|svg|noscript)\b[^<>]*+>.*?(?:</(?P=silent)\s*+>|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:]{0,30}+)(?P<rest>[^<>]*+)>|<[!?][^<>]*+>|(?P<text>[^<]++|<)",
    re.DOTALL | re.IGNORECASE,
)
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_BLOCKS: Final = frozenset(
    {"p", "div", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "section", "tr", "pre", "blockquote"}
)
_PARAGRAPHS: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote"})
_QUOTING: Final = re.compile(
    r"""\bclass\s{0,9}=\s{0,9}["']?[^"'<>]{0,200}\b(?:gmail_quote|gmail_quote_container|yahoo_quoted|protonmail_quote"""
    r"""|moz-forward-container|zmail_extra|mail_quote)\b""",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(
    r"""\b(?:id|name)\s{0,9}=\s{0,9}["']?(?:x_)?(?:divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION"""
    r"""|mail-editor-reference-message-container|replySplit)\b""",
    re.IGNORECASE,
)
_EMPTY: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col"})


def page_text(page: str) -> str:
    """Its lines; runs of blank space are one space, but for preformatted text."""
    reader = _Reader()
    for token in _TOKEN.finditer(page[:LIMIT]):
        if token["text"]:
            reader.say(token["text"])
        elif token["name"]:
            reader.pass_tag(token["name"].lower(), token["rest"][:2000], closing=bool(token["close"]))
    return reader.text()


class _Reader:
    """`open` are the elements of the kinds that quote, each with whether it does."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.words: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.depth = 0
        self.verbatim = 0

    def say(self, text: str) -> None:
        if self.verbatim:
            first, *others = unescape(text).split("\n")
            self.words.append(first)
            for line in others:
                self.end_line()
                self.words.append(line)
        else:
            self.words.append(_SPACE.sub(" ", unescape(text)))

    def pass_tag(self, name: str, rest: str, *, closing: bool) -> None:
        if name == "br" or name in _BLOCKS or name == "li":
            self.end_line(always=name == "br")
        if name in _PARAGRAPHS:
            self.blank()
        if not closing and name not in _EMPTY and _PLACE.search(rest):
            self.lines.append(CUT)
        if name in ("div", "blockquote"):
            self._nest(name, rest, closing)
        elif name == "pre":
            self.verbatim = max(0, self.verbatim + (-1 if closing else 1))
        elif name == "li" and not closing:
            self.words.append("- ")
        elif name == "td" and not closing:
            self.words.append(" ")

    def _nest(self, name: str, rest: str, closing: bool) -> None:
        if not closing:
            quotes = name == "blockquote" or _QUOTING.search(rest) is not None
            self.open.append((name, quotes))
            self.depth += quotes
        elif self.open and self.open[-1][0] == name:
            self.depth -= self.open.pop()[1]

    def end_line(self, always: bool = False) -> None:
        line = "".join(self.words) if self.verbatim else _SPACE.sub(" ", "".join(self.words)).strip()
        self.words = []
        if line or always:
            mark = ">" * min(self.depth, _DEPTH)
            self.lines.append(f"{mark} {line}".strip() if mark else line.replace("\u00a0", " "))

    def blank(self) -> None:
        if self.lines and self.lines[-1].strip("> "):
            self.lines.append("" if not self.depth else ">" * min(self.depth, _DEPTH))

    def text(self) -> str:
        self.end_line()
        return "\n".join(self.lines)
