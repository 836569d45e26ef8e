"""The e-mail addresses on vCards that a mail carries (RFC 6350, RFC 2426, vCard 2.1).

Pure, never raises, bounded: at most CARDS_LIMIT parts are looked at and ADDRESSES_LIMIT addresses told. Called by the
child that parses arrivals.
"""

from __future__ import annotations

import re
from typing import Final

from mail.address import parse_mailbox
from mail.parts import Part, UnparsableError, parse

CARDS_LIMIT: Final = 10
ADDRESSES_LIMIT: Final = 50
_TYPES: Final = ("text/vcard", "text/x-vcard", "text/directory")
_MAYBE: Final = (b"vcard", b"text/directory", b".vcf")  # without one of them there is no card
_EMAIL: Final = re.compile(r"(?:[A-Za-z0-9-]{1,60}\.)?EMAIL(?:;[^:\n]{0,500})?:([^\n]{1,400})", re.IGNORECASE)


def card_addresses(raw: bytes) -> tuple[str, ...]:
    """Normalised, each once, in their order; what is no address is passed over."""
    if not any(map(raw.lower().__contains__, _MAYBE)):
        return ()
    try:
        leaves = parse(raw).leaves
    except UnparsableError:
        return ()
    found: dict[str, None] = {}
    for card in [leaf for leaf in leaves if _is_card(leaf)][:CARDS_LIMIT]:
        for line in card.text().replace("\n ", "").replace("\n\t", "").split("\n"):
            if (said := _EMAIL.fullmatch(line.strip())) and (key := _normalised(said[1])):
                found[key] = None
    return tuple(found)[:ADDRESSES_LIMIT]


def _is_card(leaf: Part) -> bool:
    return leaf.content_type in _TYPES or _names_a_card(leaf)


def _names_a_card(leaf: Part) -> bool:
    """Outlook sends it as application/octet-stream with a name."""
    fields = (leaf.headers.get(name)[-300:] for name in ("content-disposition", "content-type"))
    return any(re.search(r'\.vcf"?\s*(?:;|$)', field, re.IGNORECASE) for field in fields)


def _normalised(value: str) -> str | None:
    try:
        return parse_mailbox(value.strip().removeprefix("mailto:")).normalised
    except ValueError:
        return None
