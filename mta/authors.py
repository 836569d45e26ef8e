"""The addresses in the From of a message: what DMARC judges and what a connection may claim (RFC 5322 §3.4).

Pure. Called by mta/inbound/authenticate and mta/submission. Every reader sees another address in a sloppy From, so this
one reads it once from left to right: quoted names and comments never count, and what is left over is told, not guessed.
"""

from __future__ import annotations

import re
from typing import Final

from mail.header import Headers

_LONGEST: Final = 16 * 1024
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|\\.|[(),;:<>]|[^"<>\\(),;:]+|"', re.DOTALL)


def from_fields(content: bytes) -> list[str]:
    """The values of all From fields, in their order."""
    return Headers.of(content).all("From")


def addresses(value: str) -> list[str]:
    """One text for each mailbox of a From, To or Cc value, empty ones left out; whether it is an address is open."""
    found: list[str] = []
    words, angle, depth = "", None, 0
    for token in _TOKEN.findall(value[:_LONGEST]):
        depth = max(0, depth + {"(": 1, ")": -1}.get(token, 0))
        if depth or token == ")":
            continue
        if token.startswith("<") and token.endswith(">") and len(token) > 1:
            # Two in one mailbox: no reader agrees which counts, so both do.
            found += [angle] if angle is not None else []
            angle = token[1:-1].strip()
        elif token in (",", ";"):
            found.append(angle if angle is not None else words.strip())
            words, angle = "", None
        elif token == ":" and angle is None:
            words = ""  # a group's name (RFC 5322 §3.4)
        else:
            words += token
    found.append(angle if angle is not None else words.strip())
    return [address for address in found if address]
