"""Whom a record asks to be reported to: the `mailto:` URIs of rua with their sizes (RFC 7489 §6.2, RFC 6068).

Pure, never raises; what is no such URI is left out. For admin/dmarc_reports.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from mail.address import Address, parse_mailbox

MOST: Final = 5  # targets of one record that are reported to
_URI: Final = re.compile(r"mailto:([^!?]{1,512})(?:\?[^!]*)?(?:!(\d{1,12})([kmgt]?))?", re.IGNORECASE)
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}


@dataclass(frozen=True, slots=True)
class Target:
    """`limit`: the octets that a report may have as attached; None: any."""

    address: Address
    limit: int | None


def targets(uris: Iterable[str]) -> tuple[Target, ...]:
    found: dict[str, Target] = {}
    for uri in uris:
        asked = _URI.fullmatch(uri.strip())
        if asked is None:
            continue
        try:
            address = parse_mailbox(unquote(asked[1]))
        except ValueError:
            continue
        limit = int(asked[2]) << _UNITS[asked[3].lower()] if asked[2] else None
        found.setdefault(address.normalised, Target(address, limit))
    return tuple(found.values())[:MOST]
