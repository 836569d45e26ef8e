"""Which forward-paths the MX takes, and what each stands for (PRODUCT I1).

Pure. mta/inbound/session asks for every RCPT with what store/addresses looked up; all that has no entry here is
refused in the session, so there is no relay (RFC 5321 §3.6.2) and no bounce of ours to anybody (backscatter).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from mail.address import Address
from mail.verp import Purpose as TokenPurpose
from mail.verp import Tokens

# What every domain with mail has (RFC 5321 §4.5.1, RFC 2142): its oldest mailbox where it has none so named.
ROLES: Final = frozenset({"postmaster", "abuse"})
COMPLAINTS: Final = "fbl"
_TOKEN_LETTERS: Final = ("b+", "u+")


class Purpose(Enum):
    """What mail to an accepted address is for; the words are those of `arrival_recipients.purpose`."""

    MAILBOX = "mailbox"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of an address. `ours` is our own host name or a domain of some project.

    `mailboxes` are the ids found, the closest first: the address itself, then without its plus part; `oldest` is the
    domain's first mailbox.
    """

    ours: bool
    linked: bool
    mailboxes: tuple[int, ...]
    oldest: int | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """`target` is a mailbox's id or a ledger row's; None for complaints, which name their row in their text."""

    address: str
    purpose: Purpose
    target: int | None


class Refusal(Enum):
    """The reply and the word that counts it."""

    RELAY = "550 5.7.1 Relaying denied: no mail for this domain here"
    UNKNOWN = "550 5.1.1 No such mailbox"
    FORGED = "550 5.7.1 This return address was not made here"


NOWHERE: Final = Place(ours=False, linked=False, mailboxes=(), oldest=None)


def without_plus(local: str) -> str | None:
    """The mailbox that a plus-address belongs to; None where there is no plus part (RFC 5233)."""
    base, plus, _ = local.partition("+")
    return base if plus and base else None


def judge(address: Address, place: Place, tokens: Tokens) -> Accepted | Refusal:
    """What this forward-path stands for, or why it is refused."""
    if not place.ours:
        return Refusal.RELAY
    if token := tokens.read(address.local):
        purpose = Purpose.BOUNCE if token.purpose is TokenPurpose.BOUNCE else Purpose.UNSUBSCRIBE
        return Accepted(str(address), purpose, token.row_id)
    local = address.local.casefold()
    if not place.linked:
        return Refusal.UNKNOWN if not local.startswith(_TOKEN_LETTERS) else Refusal.FORGED
    if place.mailboxes:
        return Accepted(str(address), Purpose.MAILBOX, place.mailboxes[0])
    if local == COMPLAINTS:
        return Accepted(str(address), Purpose.COMPLAINT, None)
    if local in ROLES and place.oldest is not None:
        return Accepted(str(address), Purpose.MAILBOX, place.oldest)
    return Refusal.FORGED if local.startswith(_TOKEN_LETTERS) else Refusal.UNKNOWN
