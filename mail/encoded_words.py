"""RFC 2047 words in a header value, decoded; whole, whatever its length, in linear time.

Pure, never raises. Called by mail/search_text and mail/sort_keys. Words side by side in one charset are joined before
they are decoded, since many senders cut characters in two (RFC 2047 §5 forbids it).
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from typing import Final

from mail.charsets import in_charset
from mail.parts import base64_octets

_WORD: Final = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?\s]*)\?=")


def decoded(value: str) -> str:
    """`value` without encoded words; white space between two of them is none."""
    if "=?" not in value:
        return value
    pieces: list[str] = []
    run: list[bytes] = []
    charset, at = "", 0
    for found in _WORD.finditer(value):
        between = value[at : found.start()]
        follows = bool(run) and not between.strip()
        if run and not (follows and found[1].lower() == charset):
            pieces.append(in_charset(b"".join(run), charset))
            run = []
        if not follows:
            pieces.append(between)
        charset, at = found[1].lower(), found.end()
        run.append(_octets(found[2], found[3]))
    if run:
        pieces.append(in_charset(b"".join(run), charset))
    return "".join([*pieces, value[at:]])


def _octets(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    return base64_octets(raw) if encoding in "bB" else a2b_qp(raw, header=True)
