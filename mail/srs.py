"""The sender rewriting scheme: a reverse-path of our own for mail that is sent on, so that it passes SPF.

Pure. The sorter makes such an address when it sends mail on, the MX reads it when a report comes back to it. The form
is SRS0=MAC=DAY=domain=local@ours (the public SRS draft of 2003): whoever stands behind it is in it, so nothing is kept.
Keyed BLAKE2b (RFC 7693) of 40 bits over day, domain and local part in lower case, since hosts change case; an address
is good for LIFETIME days, so that one that was seen once is no way in for ever. A forged, damaged or stale one reads as
None, never raises.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Final

from mail.address import LOCAL_LIMIT, Address, parse_mailbox

LIFETIME: Final = 14  # days: queues elsewhere give up after five, and some hosts report late
_MAC_OCTETS: Final = 5
_DAYS: Final = 1024  # two letters of base32, which come round after that
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_FORM: Final = re.compile(r"srs0[=+-]([a-z2-7]{8})=([a-z2-7]{2})=([a-z0-9.-]+)=(.+)", re.IGNORECASE | re.DOTALL)
_SECRET_OCTETS: Final = 16


def is_rewritten(local: str) -> bool:
    """Whether a local part claims to be one of these."""
    return local[:4].lower() == "srs0" and local[4:5] in ("=", "+", "-")


@dataclass(frozen=True, slots=True, repr=False)
class Srs:
    """Makes and reads addresses under one secret; ValueError where it has fewer than 16 octets."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < _SECRET_OCTETS:
            raise ValueError(f"SRS secret: {len(self.secret)} octets; it must have at least {_SECRET_OCTETS}")

    def rewritten(self, sender: Address, domain: str, today: date) -> Address | None:
        """`sender` as a reverse-path in `domain`; None where it would be longer than a local part may be."""
        day = _letters(today.toordinal() % _DAYS)
        local = f"SRS0={self._mac(day, sender.ascii_domain, sender.local)}={day}={sender.ascii_domain}={sender.local}"
        if len(local.encode()) > LOCAL_LIMIT or sender.domain.startswith("["):
            return None
        return Address(local, domain)

    def original(self, local: str, today: date) -> Address | None:
        """Who is behind a local part that `rewritten` made within LIFETIME days."""
        found = _FORM.fullmatch(local)
        if found is None:
            return None
        mac, day, domain, sender = found[1].lower(), found[2].lower(), found[3].lower(), found[4]
        age = (today.toordinal() - _number(day)) % _DAYS
        if age > LIFETIME or not hmac.compare_digest(mac, self._mac(day, domain, sender)):
            return None
        try:
            return parse_mailbox(str(Address(sender, domain)))
        except ValueError:
            return None

    def _mac(self, day: str, domain: str, local: str) -> str:
        text = f"{day}={domain}={local.lower()}".encode()
        return b32encode(blake2b(text, key=self.secret, digest_size=_MAC_OCTETS).digest()).decode().lower()


def _letters(number: int) -> str:
    return _LETTERS[number >> 5] + _LETTERS[number & 31]


def _number(letters: str) -> int:
    return _LETTERS.index(letters[0]) * 32 + _LETTERS.index(letters[1])
