"""Which forward-paths the MX takes, and what each stands for (PRODUCT I1, M1).

Pure. mta/inbound/session asks for every RCPT with what store/addresses looked up; all that has no entry here is
refused in the session, so there is no relay (RFC 5321 §3.6.2) and no bounce of ours to anybody (backscatter).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from mail.address import Address
from mail.srs import Srs, is_rewritten
from mail.verp import Purpose as TokenPurpose
from mail.verp import Tokens, claims_signature

# What every domain with mail has (RFC 5321 §4.5.1, RFC 2142): its oldest mailbox where it has none so named.
ROLES: Final = frozenset({"postmaster", "abuse"})


class Purpose(Enum):
    """What mail to an accepted address is for; the words are those of `arrival_recipients.purpose`."""

    MAILBOX = "mailbox"
    FORWARD = "forward"  # to another host: the address is the target's
    RETURN = "return"  # a report about mail that was sent on, for who sent it first
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    DMARC_REPORT = "dmarc-report"
    TLS_REPORT = "tls-report"


DMARC_REPORTS: Final = "dmarc-reports"
TLS_REPORTS: Final = "tls-reports"
# Addresses of every domain and of our own host name, for programs.
REPORTS: Final = {
    "fbl": Purpose.COMPLAINT,
    DMARC_REPORTS: Purpose.DMARC_REPORT,
    TLS_REPORTS: Purpose.TLS_REPORT,
}


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox, and how many octets it may hold; None: any. `picky`: it refuses somebody."""

    id: int
    quota: int | None = None
    picky: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where mail for an alias goes: to `box`, or on to `address` where that is None."""

    address: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class Home:
    """What an address leads to; `targets` of an alias go before a mailbox of that name."""

    box: Box | None = None
    targets: tuple[Target, ...] = ()

    @property
    def known(self) -> bool:
        return self.box is not None or bool(self.targets)


NOBODY: Final = Home()


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of an address. `ours` is our own host name or a domain of some project, `domain` the latter's id.

    `exact` is for the address itself, `base` for it without its plus part, `catch_all` the domain's; `oldest` is the
    domain's first mailbox, or the operator's for our own host name.
    """

    ours: bool
    linked: bool = False
    domain: int | None = None
    exact: Home = NOBODY
    base: Home = NOBODY
    catch_all: Home = NOBODY
    oldest: Box | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """`target` is a mailbox's id, a ledger row's, or a domain's where mail goes on; None for reports of programs."""

    address: str
    purpose: Purpose
    target: int | None
    quota: int | None = None
    picky: bool = False


class Refusal(Enum):
    """The reply and the word that counts it."""

    RELAY = "550 5.7.1 Relaying denied: no mail for this domain here"
    UNKNOWN = "550 5.1.1 No such mailbox"
    FORGED = "550 5.7.1 This return address was not made here"
    UNWANTED = "550 5.7.1 This mailbox takes no mail from you"
    STALE = "550 5.7.1 This return address was not made here, or is too old"


NOWHERE: Final = Place(ours=False)


@dataclass(frozen=True, slots=True)
class Signatures:
    """What reads the addresses that we sign ourselves."""

    tokens: Tokens
    srs: Srs


def without_plus(local: str) -> str | None:
    """The mailbox that a plus-address belongs to; None where there is no plus part (RFC 5233)."""
    base, plus, _ = local.partition("+")
    return base if plus and base else None


def judge(address: Address, place: Place, signed: Signatures, today: date) -> tuple[Accepted, ...] | Refusal:
    """What this forward-path stands for, more than one thing for some aliases, or why it is refused."""
    if not place.ours:
        return Refusal.RELAY
    if token := signed.tokens.read(address.local):
        purpose = Purpose.BOUNCE if token.purpose is TokenPurpose.BOUNCE else Purpose.UNSUBSCRIBE
        return (Accepted(str(address), purpose, token.row_id),)
    if claims_signature(address.local):
        return Refusal.FORGED
    if is_rewritten(address.local):
        known = place.domain is not None and signed.srs.original(address.local, today) is not None
        return (Accepted(str(address), Purpose.RETURN, place.domain),) if known else Refusal.STALE
    return _plain(address, place)


def _plain(address: Address, place: Place) -> tuple[Accepted, ...] | Refusal:
    """An address that is not signed."""
    local = address.local.casefold()
    if place.linked and place.exact.known:
        return _led(address, place.exact, place)
    if place.linked and place.base.known:
        return _led(address, place.base, place)
    # Our own host name takes these without being any project's domain.
    served = place.linked or place.domain is None
    if served and local in REPORTS:
        return (Accepted(str(address), REPORTS[local], None),)
    if served and local in ROLES and place.oldest is not None:
        return _led(address, Home(place.oldest), place)
    return _led(address, place.catch_all, place) if place.linked and place.catch_all.known else Refusal.UNKNOWN


def _led(address: Address, home: Home, place: Place) -> tuple[Accepted, ...]:
    targets = home.targets or (Target(str(address), home.box),)
    return tuple(
        Accepted(str(address), Purpose.MAILBOX, one.box.id, one.box.quota, one.box.picky)
        if one.box is not None
        else Accepted(one.address, Purpose.FORWARD, place.domain)
        for one in targets
    )


# RFC 3463: 5.2.3 is about this message, 4.2.2 about a mailbox that somebody may tidy up.
TOO_LARGE: Final = "552 5.2.3 The message is larger than the mailbox may be"
FULL: Final = "452 4.2.2 The mailbox is full, try again later"


def full(boxes: Sequence[tuple[int, int]], size: int) -> str | None:
    """The refusal of a message of `size` octets (0: not told), by (used, quota) of the mailboxes it is for."""
    if any(size > quota for _, quota in boxes):
        return TOO_LARGE
    if any(used + max(size, 1) > quota for used, quota in boxes):
        return FULL
    return None
