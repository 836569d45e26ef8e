"""Signed tokens that name a ledger row: reverse-paths (VERP), unsubscribe addresses and links, Message-IDs.

Pure. The sender makes them when it renders; mx, sorter and the unsubscribe page read them. A forged or damaged token
reads as None, never raises. 8 octets of row id and 12 of keyed BLAKE2b (RFC 7693) are 32 letters of base32: they
survive a host that changes case, and "b+" with them has 34 of the 64 octets of a local part (RFC 5321 §4.5.3.1.1). The
purpose is in the signed text, so a bounce address, which every receiving host sees, opens no unsubscribe link.
A token holds nothing but the row id and its MAC: made again after a crash, the second copy has the same Message-ID.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32decode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Final

_ID_OCTETS = 8
_MAC_OCTETS = 12
_SECRET_OCTETS = 16
_LENGTH = 8 * (_ID_OCTETS + _MAC_OCTETS) // 5
_LETTERS = bytes.maketrans(bytes(range(32)), b"abcdefghijklmnopqrstuvwxyz234567")
_LOCAL = re.compile(r"([a-z])\+([a-z2-7]{32})")
_TOKEN = re.compile(r"[a-z2-7]{32}")
_MESSAGE_ID = re.compile(r"\s*<?([a-z2-7]{32})@[^@\s<>]+>?\s*")


class Purpose(Enum):
    """What a token is for; the letter stands before the plus of a local part."""

    BOUNCE = "b"
    UNSUBSCRIBE = "u"
    LINK = "l"
    MESSAGE = "m"


_IN_LOCAL_PARTS = {Purpose.BOUNCE.value: Purpose.BOUNCE, Purpose.UNSUBSCRIBE.value: Purpose.UNSUBSCRIBE}


def claims_signature(local_part: str) -> bool:
    """Whether it has the form of an address of ours, whoever made it."""
    found = _LOCAL.fullmatch(local_part.lower())
    return found is not None and found[1] in _IN_LOCAL_PARTS


def _halvings() -> Iterator[tuple[int, int, int]]:
    """For runs of 32 letters, of 16 and so on down to 2, which lie where their octets will be but have 5 bits a letter.

    How far the first half of each moves away from the second; the bits of all second halves; those of all first ones.
    """
    half = _LENGTH // 2
    while half:
        second = sum(((1 << 5 * half) - 1) << 8 * start for start in range(0, _LENGTH, 2 * half))
        yield 3 * half, second, second << 5 * half
        half //= 2


_HALVINGS: Final = tuple(_halvings())


def _base32(number: int) -> str:
    """32 letters. All are parted at once, since base64.b32encode takes thrice as long, and pairs from a table twice."""
    for shift, second, first in _HALVINGS:
        number = number & second | (number & first) << shift
    return number.to_bytes(_LENGTH, "big").translate(_LETTERS).decode()


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose MAC was right."""

    purpose: Purpose
    row_id: int


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """Makes and reads tokens under one secret; ValueError where it has fewer than 16 octets."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < _SECRET_OCTETS:
            raise ValueError(f"token secret: {len(self.secret)} octets; it must have at least {_SECRET_OCTETS}")

    def reverse_path_local(self, row_id: int) -> str:
        """The local part of the reverse-path: where bounces of this row come back to."""
        return f"{Purpose.BOUNCE.value}+{self._made(Purpose.BOUNCE, row_id)}"

    def unsubscribe_local(self, row_id: int) -> str:
        """The local part of List-Unsubscribe's mailto."""
        return f"{Purpose.UNSUBSCRIBE.value}+{self._made(Purpose.UNSUBSCRIBE, row_id)}"

    def unsubscribe(self, row_id: int) -> str:
        """The last part of an unsubscribe link's path."""
        return self._made(Purpose.LINK, row_id)

    def message_id(self, row_id: int, domain: str) -> str:
        """`<...@domain>`, the same for the same row for ever."""
        return f"<{self._made(Purpose.MESSAGE, row_id)}@{domain}>"

    def read(self, local_part: str) -> Token | None:
        """What a local part of ours is for; None for every other."""
        found = _LOCAL.fullmatch(local_part.lower())
        purpose = _IN_LOCAL_PARTS.get(found[1]) if found else None
        if found is None or purpose is None:
            return None
        row_id = self._row(purpose, found[2])
        return None if row_id is None else Token(purpose, row_id)

    def row_of_unsubscribe(self, token: str) -> int | None:
        """The row of an unsubscribe link's token."""
        text = token.lower()
        return self._row(Purpose.LINK, text) if _TOKEN.fullmatch(text) else None

    def row_of_message_id(self, text: str) -> int | None:
        """The row whose Message-ID `text` is, as a reply's In-Reply-To or a DSN quotes it; brackets may be missing."""
        found = _MESSAGE_ID.fullmatch(text.lower())
        return self._row(Purpose.MESSAGE, found[1]) if found else None

    def _made(self, purpose: Purpose, row_id: int) -> str:
        try:
            octets = row_id.to_bytes(_ID_OCTETS, "big")
        except OverflowError:
            raise ValueError(f"row id {row_id}: a token holds 0 to 2**64 - 1") from None
        return _base32(int.from_bytes(octets + self._mac(purpose, octets), "big"))

    def _row(self, purpose: Purpose, token: str) -> int | None:
        octets = b32decode(token.upper())
        row_id, mac = octets[:_ID_OCTETS], octets[_ID_OCTETS:]
        return int.from_bytes(row_id, "big") if hmac.compare_digest(mac, self._mac(purpose, row_id)) else None

    def _mac(self, purpose: Purpose, row_id: bytes) -> bytes:
        # HMAC through OpenSSL costs 36 us here, four times a message; BLAKE2b takes its key directly: 1 us.
        return blake2b(row_id, key=self.secret, digest_size=_MAC_OCTETS, person=purpose.value.encode()).digest()
