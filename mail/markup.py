"""What a campaign is written in - HTML, Markdown, MJML - made into the HTML that is sent (PRODUCT K2).

Pure. Called by admin/acts when a message is saved and never while it is sent. `{{ name }}` comes through wherever it
stands, a link's target or an attribute too. Nothing is fetched: no include, no web font. ValueError says what is wrong;
MJML is read by a parser that recurses, so its depth is bounded before (at 5,000 levels the process would be gone).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from html import escape
from typing import Final

from markdown_it import MarkdownIt
from mjml import mjml2html

LONGEST: Final = 1_000_000  # characters of a source
_DEEPEST: Final = 100
_ELEMENTS: Final = 20_000
_FIELD: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAG: Final = re.compile(r"""<(/?)([a-zA-Z][\w:-]*)((?:"[^"]*"|'[^']*'|[^<>"'])*)>""")
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_DECLARED: Final = re.compile(r"<[!?]")
_VOID: Final = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_MJML: Final = frozenset(
    f"mj-{name}"
    for name in (
        "accordion", "accordion-element", "accordion-text", "accordion-title", "all", "attributes", "body",
        "breakpoint", "button", "carousel", "carousel-image", "class", "column", "divider", "font", "group", "head",
        "hero", "image", "navbar", "navbar-link", "preview", "raw", "section", "social", "social-element", "spacer",
        "style", "table", "text", "title", "wrapper",
    )
)  # fmt: skip
_FRAME: Final = """<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="margin:0;padding:24px;font:16px/1.5 Helvetica,Arial,sans-serif;color:#1f2328;background:#ffffff">
<div style="max-width:600px;margin:0 auto">
{body}</div>
</body></html>
"""
_BUTTON: Final = "display:inline-block;padding:12px 24px;border-radius:6px;background:#2a55c9;color:#ffffff"
_LINK: Final = re.compile(r"(https?://|mailto:|tel:)[^\s\"'<>]+|\{\{[^{}]*\}\}")


class Form(Enum):
    HTML = "html"
    MARKDOWN = "markdown"
    MJML = "mjml"


def to_html(form: Form, source: str) -> str:
    """The page that is sent. ValueError where it cannot be made."""
    if len(source) > LONGEST:
        raise ValueError(f"{len(source)} characters; at most {LONGEST} are taken")
    if form is Form.HTML or not source.strip():
        return source
    token = _token(source)
    fields: list[str] = []

    def keep(found: re.Match[str]) -> str:
        fields.append(found[0])
        return f"{token}{len(fields) - 1}x"

    made = _MAKERS[form](_FIELD.sub(keep, source))
    return re.sub(f"{token}(\\d+)x", lambda found: fields[int(found[1])], made)


def button(form: Form, words: str, link: str) -> str:
    """A button as it is written in that form, to be put into the source. ValueError for words or link that are none."""
    words, link = words.strip(), link.strip()
    if not words or len(words) > 100 or not words.isprintable():
        raise ValueError("button words: 1 to 100 printable characters")
    if len(link) > 2000 or not _LINK.fullmatch(link):
        raise ValueError("button link: an address that begins with https://, http://, mailto: or tel:, or a variable")
    if form is Form.MJML:
        return f'<mj-button href="{escape(link)}">{escape(words)}</mj-button>'
    return (
        f'<p><a href="{escape(link)}" style="{_BUTTON};text-decoration:none;font-weight:bold">{escape(words)}</a></p>'
    )


def with_button(form: Form, source: str, made: str) -> str:
    """At the end of what is written: of the last column in MJML, of the body in HTML."""
    ends = {Form.MJML: ("</mj-column>", "</mj-body>"), Form.HTML: ("</body>", "</html>"), Form.MARKDOWN: ()}[form]
    at = next((found for end in ends if (found := source.lower().rfind(end)) >= 0), None)
    if at is None:
        return f"{source.rstrip()}\n\n{made}\n" if source.strip() else f"{made}\n"
    return f"{source[:at].rstrip()}\n{made}\n{source[at:]}"


def _token(source: str) -> str:
    """A word that the source does not have: what stands for a variable must come through both makers as it is."""
    number = 0
    while f"field{number}q" in source.lower():
        number += 1
    return f"field{number}q"


def _markdown(source: str) -> str:
    made = MarkdownIt("commonmark", {"breaks": True}).enable(["table", "strikethrough"]).render(source)
    return _FRAME.format(body=made) if "<body" not in made.lower() else made


def _mjml(source: str) -> str:
    _check_depth(source)
    return mjml2html(source, fonts={})


def _check_depth(source: str) -> None:
    bare = _COMMENT.sub("", source)
    if declared := _DECLARED.search(bare):
        raise ValueError(f"line {_line(bare, declared.start())}: declarations and CDATA are not taken")
    depth = 0
    for count, tag in enumerate(_TAG.finditer(bare)):
        name = tag[2].lower()
        if name.startswith("mj-") and name not in _MJML:
            raise ValueError(f"line {_line(bare, tag.start())}: <{name[:40]}> is no element of MJML")
        if not (tag[3].endswith("/") or name in _VOID):
            depth += -1 if tag[1] else 1
        if depth > _DEEPEST or count > _ELEMENTS:
            raise ValueError(f"line {_line(bare, tag.start())}: more than {_DEEPEST} levels or {_ELEMENTS} elements")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


_MAKERS: Final[Mapping[Form, Callable[[str], str]]] = {Form.MARKDOWN: _markdown, Form.MJML: _mjml}
