"""Parts without their Content-Transfer-Encoding, and back (RFC 3516, RFC 2045 §6).

Pure. `decoded` is what FETCH BINARY answers, `without_nul` what APPEND makes of a literal8, so that mail is kept as
lines that every client and every relay can take. Both raise UnknownEncodingError; broken base64 and quoted-printable
are read as far as they can be. A part that holds others (a multipart, a message) is answered with its leaves decoded
and their headers saying so.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import a2b_base64, a2b_qp
from collections.abc import Callable, Iterator

from mail.header import Headers
from mail.mime_index import Part, PartIndex

_NO_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_FIELD = re.compile(
    rb"^content-transfer-encoding[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n", re.IGNORECASE | re.MULTILINE
)
_WORD = re.compile(rb"[^\s;(]*")
_IDENTITY = frozenset((b"", b"7bit", b"8bit", b"binary"))
Change = tuple[bytes, Callable[[bytes], bytes]]  # the new encoding, and what makes it


class UnknownEncodingError(Exception):
    """A Content-Transfer-Encoding that we cannot take away, or octets that no encoding allows."""


def decoded(raw: bytes, places: PartIndex, section: str) -> bytes | None:
    """The octets of a part ("" is the whole mail) as they are meant; None where there is no such part."""
    part = places.parts.get(section)
    if part is None:
        return None
    if section and _is_leaf(places, section):
        change = _decoding(raw, part)
        body = raw[part.body_start : part.end]
        return body if change is None else change[1](body)
    return _rewritten(raw, places, part.body_start, part.end, _decoding)


def without_nul(raw: bytes, places: PartIndex) -> bytes:
    """The mail with its binary parts in base64."""
    kept = _rewritten(raw, places, 0, len(raw), _encoding)
    if b"\0" in kept:
        raise UnknownEncodingError("NUL outside a part whose Content-Transfer-Encoding is binary")
    return kept


def _rewritten(
    raw: bytes, places: PartIndex, start: int, end: int, choose: Callable[[bytes, Part], Change | None]
) -> bytes:
    """raw[start:end] with those leaves changed for which `choose` names a change."""
    pieces = []
    at = start
    for leaf in _leaves(places, start, end):
        if (change := choose(raw, leaf)) is not None:
            begin = max(leaf.header_start, at)
            header = _saying(change[0], raw[begin : leaf.body_start])
            pieces += [raw[at:begin], header, change[1](raw[leaf.body_start : leaf.end])]
            at = leaf.end
    return b"".join([*pieces, raw[at:end]])


def _saying(encoding: bytes, header: bytes) -> bytes:
    """A header with its blank line, the field last in it."""
    fields = _FIELD.sub(b"", header).removesuffix(b"\n").removesuffix(b"\r")
    return fields + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n"


def _leaves(places: PartIndex, start: int, end: int) -> Iterator[Part]:
    leaves = (part for section, part in places.parts.items() if section and _is_leaf(places, section))
    inside = (part for part in leaves if start <= part.body_start and part.end <= end)
    return iter(sorted(inside, key=lambda part: part.body_start))


def _is_leaf(places: PartIndex, section: str) -> bool:
    return places.parts[section].text_start < 0 and f"{section}.1" not in places.parts


def _decoding(raw: bytes, part: Part) -> Change | None:
    name = _name(raw, part)
    if name in _IDENTITY:
        return None
    if name == b"base64":
        return b"binary", _from_base64
    if name == b"quoted-printable":
        return b"binary", _from_quoted_printable
    raise UnknownEncodingError(f"Content-Transfer-Encoding {name[:40].decode('ascii', 'backslashreplace')}")


def _encoding(raw: bytes, part: Part) -> Change | None:
    return (b"base64", _to_base64) if _name(raw, part) == b"binary" else None


def _name(raw: bytes, part: Part) -> bytes:
    values = Headers.between(raw, part.header_start, part.body_start).octets("Content-Transfer-Encoding")
    found = _WORD.match(values[0]) if values else None
    return found[0].lower() if found else b""


def _from_base64(body: bytes) -> bytes:
    letters = body.translate(None, _NO_BASE64).partition(b"=")[0]
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return a2b_base64(whole + b"=" * (-len(whole) % 4))


def _from_quoted_printable(body: bytes) -> bytes:
    """Blanks at a line's end were put there on the way (RFC 2045 §6.7, rule 3)."""
    lines = (line.rstrip(b" \t\r") + b"\r" * line.endswith(b"\r") for line in body.split(b"\n"))
    return a2b_qp(b"\n".join(lines))


def _to_base64(body: bytes) -> bytes:
    return encodebytes(body).rstrip(b"\n").replace(b"\n", b"\r\n")
