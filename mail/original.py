"""Whom the original of a notice was for, by its returned message or header: asked where the notice itself names nobody.

Pure. mail/rawbounce asks, with the tail of the notice where the copy stands in the text. Envelope fields that the
original's way left are better than To, which may name many or a list. Raises only mail.parts.UnparsableError.
"""

from __future__ import annotations

import re
from typing import Final

from mail.automatic import list_signs
from mail.dsn import address_in, returned_headers
from mail.parts import Parsed

_COPY_LIMIT: Final = 20_000
_NAMED_LIMIT: Final = 50
_ENVELOPE: Final = (
    "x-failed-recipients",
    "original-recipient",
    "x-original-to",
    "envelope-to",
    "x-rcpt-to",
    "x-envelope-to",
)
_CONTINUED: Final = r"(?:\n[ \t>|]{1,16}[^\s:]{1,200}(?![^\s:]{0,200}:).{0,800}){0,20}"
_FIELD = re.compile(
    rf"^[ \t>|]{{0,8}}(?P<name>{'|'.join(_ENVELOPE)}|to|cc|bcc)[ \t]?:[ \t]*(?P<value>.{{0,2000}}{_CONTINUED})",
    re.IGNORECASE | re.MULTILINE,
)
_FOR = re.compile(r"^[ \t>|]+(?:.{0,300}[ \t])?for <?(?P<address>[^\s<>;]{1,64}@[^\s<>;]{1,255})>?;", re.MULTILINE)


def mailed_to(parsed: Parsed, copy: str) -> tuple[str, ...]:
    """All whom the original was for, each once, () where it cannot be told."""
    fields = _fields(parsed, copy)
    envelope = [value for name, value in fields if name in _ENVELOPE]
    if named := _addresses(envelope):
        return named
    visible = _addresses([value for name, value in fields if name in ("to", "cc", "bcc")])
    return visible or tuple(dict.fromkeys(_FOR.findall(copy[:_COPY_LIMIT])))


def _fields(parsed: Parsed, copy: str) -> list[tuple[str, str]]:
    returned = returned_headers(parsed)
    if returned is not None and list_signs(returned):
        return []  # its To is the list, not the subscriber
    if returned is not None:
        return list(returned.fields)
    return [(found["name"].lower(), found["value"]) for found in _FIELD.finditer(copy[:_COPY_LIMIT])]


def _addresses(values: list[str]) -> tuple[str, ...]:
    pieces = [piece for value in values for piece in re.split(r"[,;\n]", value[:10_000])[:_NAMED_LIMIT]]
    found = [address for piece in pieces if (address := address_in(piece))]
    return tuple({address.lower(): address for address in reversed(found)}.values())[::-1]
