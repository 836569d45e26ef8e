"""Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3). Pure.

`decode` raises ValueError for octets that no encoder of it would have written.
"""

from __future__ import annotations

import re
from binascii import Error as BadBase64
from binascii import a2b_base64, b2a_base64

_PLAIN = re.compile(r"[^\x20-\x7e]+|&")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")


def encode(name: str) -> bytes:
    """Printable ASCII as it is, `&` as `&-`, runs of everything else in base64 of UTF-16."""
    return _PLAIN.sub(lambda found: _shift(found[0]), name).encode("ascii")


def decode(octets: bytes) -> str:
    pieces: list[str] = []
    at = 0
    while (start := octets.find(b"&", at)) >= 0:
        found = _SHIFTED.match(octets, start)
        if found is None:
            raise ValueError("& without its end in a mailbox name")
        pieces += [octets[at:start].decode("ascii"), _unshift(found[1])]
        at = found.end()
    name = "".join([*pieces, octets[at:].decode("ascii")])
    if encode(name) != octets:
        raise ValueError("a mailbox name in an unusual form of modified UTF-7")
    return name


def _shift(run: str) -> str:
    if run == "&":
        return "&-"
    coded = b2a_base64(run.encode("utf-16-be", "surrogatepass"), newline=False).rstrip(b"=")
    return "&" + coded.decode().replace("/", ",") + "-"


def _unshift(coded: bytes) -> str:
    if not coded:
        return "&"
    try:
        octets = a2b_base64(coded.replace(b",", b"/") + b"=" * (-len(coded) % 4))
    except BadBase64 as error:
        raise ValueError("broken base64 in a mailbox name") from error
    return octets.decode("utf-16-be")
