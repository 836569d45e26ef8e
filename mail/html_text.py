"""The text part of an HTML message: its words, its links, its paragraphs.

Pure. Called by mail/message where a campaign brings no text of its own. Never raises; takes the template, so that
variables come through whatever the markup around them is.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from mail.template import Piece, Template

_SILENT = frozenset({"style", "script", "title", "template"})
_LINE = frozenset({"br", "tr", "li", "dt", "dd"})
_PARAGRAPH = frozenset(
    {"p", "div", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote", "section"}
)
# Noncharacters (Unicode §23.7) stand for the variables while the markup is read: no text has them.
_MARK = re.compile("\ufdd0(\\d+)\ufdd1")
_HTML_SPACE = re.compile(r"[ \t\r\n\f]+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.silent = 0
        self.links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self.silent += 1
        elif tag in _LINE:
            self.words.append("\n- " if tag == "li" else "\n")
        elif tag in _PARAGRAPH:
            self.words.append("\n\n")
        elif tag == "td":
            self.words.append(" ")
        elif tag == "img" and not self.silent:
            self.words.append(dict(attrs).get("alt") or "")
        elif tag == "a":
            self.links.append((dict(attrs).get("href") or "", len(self.words)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in _PARAGRAPH:
            self.words.append("\n\n")
        elif tag == "a" and self.links:
            href, since = self.links.pop()
            label = "".join(self.words[since:]).strip()
            if href.startswith(("http:", "https:", "mailto:", "tel:", "\ufdd0")) and href not in label:
                self.words.append(f" ({href})" if label else href)

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(_HTML_SPACE.sub(" ", data))


def text_of(html: Template) -> Template:
    """The text template; at most one blank line between paragraphs, no white space at line ends."""
    source = "".join(
        piece.replace("\ufdd0", "").replace("\ufdd1", "") if isinstance(piece, str) else f"\ufdd0{number}\ufdd1"
        for number, piece in enumerate(html.pieces)
    )
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = [re.sub(" +", " ", line).strip() for line in "".join(reader.words).split("\n")]
    text = re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
    return Template(_pieces(text, html))


def _pieces(text: str, html: Template) -> tuple[Piece, ...]:
    # re.split gives text and captured numbers by turns.
    parts = _MARK.split(text)
    pieces: list[Piece] = [html.pieces[int(part)] if number % 2 else part for number, part in enumerate(parts)]
    return tuple(piece for piece in pieces if piece != "")
