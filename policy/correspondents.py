"""Whose mail a mailbox wants and whose it does not: its own list of addresses and domains (PRODUCT I4).

Pure. mta/inbound/session asks at RCPT who is refused, the sorter asks where a mail is filed. The entry that says most
counts: an address before its domain, a domain before the one above it. Anybody can write anybody's name into From, so
a wanted author counts only where DMARC does not say that the name is forged; an unwanted one always counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mail.address import Address, parse_mailbox
from policy.authentication import DmarcResult

_LABELS: Final = 8  # of a domain above which no entry is looked for
_FORGED: Final = frozenset({DmarcResult.FAIL.value, DmarcResult.TEMPERROR.value})


class Standing(Enum):
    ALLOW = "allow"  # never junk
    DENY = "deny"  # always junk
    REFUSE = "refuse"  # refused at RCPT by its reverse-path; who has it in From alone is junk


Kept = Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Writers:
    """Who a mail is from: the one author of its header, its reverse-path ("" for none), the word of DMARC."""

    author: str | None
    reverse_path: str
    dmarc: str


def entry_of(text: str) -> str:
    """An address or a domain as it is kept; ValueError names the mistake."""
    stripped = text.strip()
    if "@" in stripped.lstrip("@"):
        return parse_mailbox(stripped).normalised
    return parse_mailbox(f"any@{stripped.removeprefix('@').removeprefix('*.')}").ascii_domain


def entries(text: str | None) -> list[str]:
    """What an address may stand in a list as, the most telling first; none for what is no address."""
    if not text:
        return []
    try:
        address = parse_mailbox(text)
    except ValueError:
        return []
    return [address.normalised, *_domains(address)]


def _domains(address: Address) -> list[str]:
    labels = address.ascii_domain.split(".")[-_LABELS:]
    return [".".join(labels[at:]) for at in range(len(labels))]


def standing(kept: Kept, text: str | None) -> Standing | None:
    return next((kept[entry] for entry in entries(text) if entry in kept), None)


def refuses(kept: Collection[Kept], reverse_path: str) -> bool:
    """Whether every one of these mailboxes refuses it: where one of them takes it, the others get it as junk."""
    return bool(kept) and all(standing(one, reverse_path) is Standing.REFUSE for one in kept)


def is_junk(kept: Kept, writers: Writers, otherwise: bool) -> bool:
    """Into which folder of this mailbox it goes; `otherwise` is what everybody else thinks of it."""
    if not kept:
        return otherwise
    author = standing(kept, writers.author)
    if author is Standing.ALLOW:
        return otherwise and writers.dmarc in _FORGED
    denied = (author, standing(kept, writers.reverse_path))
    return otherwise or Standing.DENY in denied or Standing.REFUSE in denied
