"""The header that an accepted message gets on top, and the fields it loses (RFC 5321 §4.4, RFC 8601 §5).

Pure. Called by mta/inbound/session once a message is authenticated. A field that claims to be our own
Authentication-Results was forged by somebody on the way; a Return-Path and the word of our filter are ours to write.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from mail.header import Headers, split

HOPS: Final = 50  # Received fields of a message that goes round in circles (RFC 5321 §6.3)
_RESULTS: Final = re.compile(
    rb"^(authentication-results|return-path|x-spam-status)[ \t]*:(.*(?:\n[ \t].*)*\n?)", re.I | re.M
)
_OURS: Final = (b"return-path", b"x-spam-status")
_MARKS: Final = re.compile(r"\\.|[()]|[^\\()]+", re.DOTALL)
_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|[^\s;"]+')
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.:\[\]_-]")


def hops(headers: Headers) -> int:
    return len(headers.octets("Received"))


def delivered_to(headers: Headers) -> set[str]:
    """Where it was sent on to before (mta/inbound/onward writes that)."""
    return {value.strip() for value in headers.all("Delivered-To")}


def without_forged(content: bytes, hostname: str) -> bytes:
    """`content` without Return-Path and X-Spam-Status fields and without Authentication-Results that carry our id."""
    end = split(content)

    def keep(found: re.Match[bytes]) -> bytes:
        mine = found[1].lower() in _OURS or _claims(found[2], hostname)
        return b"" if mine else found[0]

    return _RESULTS.sub(keep, content[:end]) + content[end:]


def _claims(value: bytes, hostname: str) -> bool:
    """Whether the authserv-id is ours in any spelling: comments, quotes, escapes, case, a version behind it."""
    text = value.decode("latin-1")
    found = _WORD.search(_without_comments(text)) or _WORD.search(text.replace("(", " "))
    if found is None:
        return False
    name = found[0] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1])
    return name.strip().rstrip(".").lower() == hostname.lower()


def _without_comments(text: str) -> str:
    """Comments nest (RFC 5322 §3.2.2); one that never ends takes the rest with it."""
    kept, depth = [], 0
    for mark in _MARKS.findall(text):
        if mark == "(":
            kept.append(" ")
            depth += 1
        elif mark == ")":
            depth = max(0, depth - 1)
        elif not depth:
            kept.append(mark)
    return "".join(kept)


def trace(
    reverse_path: str, results: bytes, peer: str, helo: str, protocol: str, hostname: str, name: str, at: datetime
) -> bytes:
    """Return-Path, Authentication-Results and Received, in the order in which they stand on top."""
    literal = f"IPv6:{peer}" if ":" in peer else peer
    received = (
        f"Received: from {_UNSAFE.sub('?', helo)[:255]} ([{literal}])\r\n"
        f"\tby {hostname} with {protocol} id {name};\r\n\t{format_datetime(at)}\r\n"
    )
    return f"Return-Path: <{reverse_path}>\r\n".encode() + results + received.encode()
