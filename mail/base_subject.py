"""The base subject of a mail: what is left of its Subject without Re:, Fwd:, [list] and (fwd) (RFC 5256 §2.1).

Pure. SORT and THREAD compare it. The grammar is the RFC's `subj-leader`, `subj-trailer`, `subj-fwd-hdr`, `subj-blob`.
"""

from __future__ import annotations

import re
from typing import Final

LIMIT: Final = 1000  # characters that are looked at: a row of blobs costs the square of it
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_TRAILER: Final = re.compile(r"(?:\(fwd\)| )+\Z", re.IGNORECASE)
_BLOB: Final = r"\[[^\[\]]*\] *"
_REPLY: Final = re.compile(rf"(?:{_BLOB})*(?:re|fwd?) *(?:{_BLOB})?:", re.IGNORECASE)
_LIST: Final = re.compile(_BLOB)


def base_subject(subject: str) -> tuple[str, bool]:
    """`subject` is without encoded words. The base, and whether it was a reply or a forward."""
    text = _SPACES.sub(" ", subject[:LIMIT])
    answers = False
    while True:
        text, trailed = _without_trailer(text)
        text, led = _without_leader(text)
        answers = answers or trailed or led
        if not (text[:5].lower() == "[fwd:" and text.endswith("]")):
            return text, answers
        text, answers = text[5:-1], True


def _without_trailer(text: str) -> tuple[str, bool]:
    found = _TRAILER.search(text)
    if found is None:
        return text, False
    return text[: found.start()], "(" in found[0]


def _without_leader(text: str) -> tuple[str, bool]:
    answers = False
    while True:
        text = text.lstrip(" ")
        if found := _REPLY.match(text):
            text, answers = text[found.end() :], True
        elif (found := _LIST.match(text)) and found.end() < len(text):
            text = text[found.end() :]
        else:
            return text, answers
