"""Values -> octets of answers: strings, dates, UID sets (RFC 3501 §9). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from imap.wire_cursor import MONTHS
from mail import mutf7

_QUOTABLE: Final = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]{0,1000}")
_ATOM: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]+")


def string(octets: bytes) -> bytes:
    """Quoted where that can be, else a literal."""
    if _QUOTABLE.fullmatch(octets):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return literal(octets)


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n" % len(octets) + octets


def nstring(octets: bytes | None) -> bytes:
    return b"NIL" if octets is None else string(octets)


def astring(octets: bytes) -> bytes:
    """An atom where it can be one; the atom NIL would be read as nothing by some."""
    return octets if _ATOM.fullmatch(octets) and octets.upper() != b"NIL" else string(octets)


def mailbox(name: str, utf8: bool = False) -> bytes:
    """In modified UTF-7, or as a quoted string of UTF-8."""
    if utf8 and not name.isascii():
        return b'"' + name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return astring(name.encode() if utf8 else mutf7.encode(name))


def ranges(listed: Iterable[tuple[int, int]]) -> bytes:
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in listed)


def flags(kept: str) -> bytes:
    """What a row keeps, in parentheses."""
    return b"(" + kept.encode("ascii") + b")"


def date_time(moment: datetime) -> bytes:
    """INTERNALDATE, in UTC."""
    return b'"%2d-%b-%04d %02d:%02d:%02d +0000"' % (
        moment.day,
        MONTHS[moment.month - 1],
        moment.year,
        moment.hour,
        moment.minute,
        moment.second,
    )


def uid_set(uids: Iterable[int]) -> bytes:
    """UIDs in their order, neighbours as ranges (RFC 4315 §3); the n-th of one set is the n-th of the other."""
    found: list[tuple[int, int]] = []
    for uid in uids:
        if found and uid == found[-1][1] + 1:
            found[-1] = (found[-1][0], uid)
        else:
            found.append((uid, uid))
    return ranges(found)
