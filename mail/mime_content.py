"""Content-Type and Content-Disposition as they were written (RFC 2045 §5.1, RFC 2183), broken ones too.

Pure, never raises, linear. Called by mail/mime_scan and mail/imap_structure. Names and values keep their case and their
RFC 2231 pieces; comments are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PARAMETER_LIMIT = 100

_SEGMENT = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"?|\\.|[^;"\\])++', re.DOTALL)
_TYPE = re.compile(rb"\s*([!#-'*+.0-9A-Z^_`a-z{|}~-]{1,127})\s*/\s*([!#-'*+.0-9A-Z^_`a-z{|}~-]{1,127})")
_QUOTED = re.compile(rb'\s*"((?:[^"\\]|\\.)*+)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_OUTSIDE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\\.|\(', re.DOTALL)
_INSIDE = re.compile(rb"[()]|\\.", re.DOTALL)

Parameters = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A media type; `parameters` in their order."""

    kind: bytes
    subtype: bytes
    parameters: Parameters = ()

    def matches(self, kind: bytes, *subtypes: bytes) -> bool:
        """Whether it is of that kind, and, where some are given, of one of the subtypes; all in lower case."""
        return self.kind.lower() == kind and (not subtypes or self.subtype.lower() in subtypes)

    @property
    def boundary(self) -> bytes:
        """The boundary parameter, b"" where there is none; without blanks at its end, like delimiter lines."""
        return next((value.rstrip() for name, value in self.parameters if name.lower() == b"boundary"), b"")


PLAIN = Content(b"text", b"plain")
OCTETS = Content(b"application", b"octet-stream")
MESSAGE = Content(b"message", b"rfc822")


def content_type(value: bytes | None, default: Content) -> Content:
    """The type of an unfolded value; `default` for None, text/plain where it cannot be read (RFC 2045 §5.2)."""
    if value is None:
        return default
    value = without_comments(value)
    found = _TYPE.match(value)
    return Content(found[1], found[2], _parameters(value)) if found else PLAIN


def disposition(value: bytes) -> tuple[bytes, Parameters]:
    """The word and the parameters of a Content-Disposition; b"" for an empty one."""
    value = without_comments(value)
    return value.split(b";", 1)[0].strip(), _parameters(value)


def without_comments(value: bytes) -> bytes:
    """What stands in parentheses outside of quotes is left out (RFC 5322 §3.2.2), but for one that is never closed."""
    kept = []
    at = 0
    while found := _OUTSIDE.search(value, at):
        end = found.end() if found[0] != b"(" else _comment_end(value, found.end())
        if not end:
            break
        kept.append(value[at : found.end()] if found[0] != b"(" else value[at : found.start()])
        at = end
    return b"".join([*kept, value[at:]])


def _comment_end(value: bytes, start: int) -> int:
    """Behind the parenthesis that closes the one before `start`; 0 where none does. Comments nest."""
    depth = 1
    for found in _INSIDE.finditer(value, start):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    return 0


def _parameters(value: bytes) -> Parameters:
    parameters: list[tuple[bytes, bytes]] = []
    for segment in _SEGMENT.findall(value)[1 : PARAMETER_LIMIT + 1]:
        name, equals, text = segment.partition(b"=")
        if equals and name.strip():
            parameters.append((name.strip(), _value(text)))
    return tuple(parameters)


def _value(text: bytes) -> bytes:
    if quoted := _QUOTED.match(text):
        return _ESCAPE.sub(rb"\1", quoted[1])
    return text.strip()  # unquoted blanks are a mistake that file names often make
