"""What a host does with one recipient: the reply at RCPT and, when the mail is taken, what comes back later.

Pure and deterministic: temper + person + chapter + number of the attempt + source -> Refusal or Taking. lab/receiver.py
asks at RCPT. The words are those that providers of each style use, since a reader of replies must cope with them; the
codes are RFC 5321 §4.2.3 and RFC 3463.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lab.description import Fate, Full, Host, Person, Style, Temper


class Cause(Enum):
    """Why a recipient is not served."""

    UNKNOWN = "unknown"
    SUSPENDED = "suspended"
    FULL = "full"
    FULL_NOW = "full now"
    DELAYED = "delayed"
    GREYLISTED = "greylisted"
    BLOCKED = "blocked"
    RELAY = "relay"


class Comeback(Enum):
    """What a host or a person sends after a mail was taken."""

    DSN = "dsn"
    DELAY = "delay"
    COMPLAINT = "complaint"
    REPLY = "reply"
    AWAY = "away"
    LETTER = "letter"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply other than 250, and why; code 4xx is a deferral."""

    code: int
    text: str
    cause: Cause

    def line(self) -> bytes:
        """The reply as it goes on the wire."""
        return f"{self.code} {self.text}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Taking:
    """The mail is taken: whether the host keeps it, what comes back, and for a report why."""

    kept: bool = True
    comeback: Comeback | None = None
    cause: Cause | None = None


_CODES: Final[Mapping[Cause, tuple[int, str]]] = {
    Cause.UNKNOWN: (550, "5.1.1"),
    Cause.SUSPENDED: (550, "5.2.1"),
    Cause.FULL: (552, "5.2.2"),
    Cause.FULL_NOW: (452, "4.2.2"),
    Cause.DELAYED: (451, "4.4.1"),
    Cause.GREYLISTED: (451, "4.7.1"),
    Cause.BLOCKED: (550, "5.7.1"),
    Cause.RELAY: (550, "5.7.1"),
}

_WORDS: Final[Mapping[Cause, Mapping[Style, str]]] = {
    Cause.UNKNOWN: {
        Style.POSTFIX: "<{recipient}>: Recipient address rejected: User unknown in virtual mailbox table",
        Style.EXIM: "No such user here",
        Style.EXCHANGE: "RESOLVER.ADR.RecipNotFound; recipient not found",
        Style.CARRIER: "Requested action not taken: mailbox unavailable, no such subscriber",
    },
    Cause.SUSPENDED: {
        Style.POSTFIX: "<{recipient}>: Recipient address rejected: account disabled",
        Style.EXIM: "This account has been deactivated",
        Style.EXCHANGE: "Mailbox disabled for this recipient",
        Style.CARRIER: "Account inactive, mailbox is disabled",
    },
    Cause.FULL: {
        Style.POSTFIX: "<{recipient}>: user is over quota",
        Style.EXIM: "Mailbox quota exceeded",
        Style.EXCHANGE: "STOREDRV.Deliver; mailbox full. The recipient's mailbox exceeds its storage limit",
        Style.CARRIER: "Mailbox full: the subscriber has used up the storage",
    },
    Cause.FULL_NOW: {
        Style.POSTFIX: "<{recipient}>: Recipient address rejected: mailbox is full, over quota",
        Style.EXIM: "Mailbox quota exceeded, try again later",
        Style.EXCHANGE: "Mailbox full; the recipient has exceeded the storage quota",
        Style.CARRIER: "Mailbox full, subscriber over quota",
    },
    Cause.DELAYED: dict.fromkeys(Style, "Connection to the mail store timed out"),
    Cause.GREYLISTED: {
        Style.POSTFIX: "<{recipient}>: Recipient address rejected: Greylisted, see you in a minute",
        Style.EXIM: "Greylisting in action, please come back later",
        Style.EXCHANGE: "Greylisted, please try again in a moment",
        Style.CARRIER: "Greylisted: try again later",
    },
    Cause.BLOCKED: {
        Style.POSTFIX: "Service unavailable; client host [{source}] is blocked by a blocklist of {host}",
        Style.EXIM: "JunkMail rejected: [{source}] is in an RBL at {host}",
        Style.EXCHANGE: "Service unavailable, sending host [{source}] blocked by IP reputation",
        Style.CARRIER: "Message refused: the sending IP [{source}] is on our blacklist, poor reputation",
    },
    Cause.RELAY: dict.fromkeys(Style, "<{recipient}>: Relay access denied"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One RCPT: who is asked for (lower case), from where, in which chapter, for the how-manieth time (from 1)."""

    recipient: str
    source: str
    chapter: int
    attempt: int

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return self.recipient.rpartition("@")[2]


def at_rcpt(host: Host, person: Person | None, asked: Asked) -> Refusal | Taking:
    """The answer to one RCPT."""
    temper = host.temper
    if asked.domain not in host.domains:
        return _refusal(Cause.RELAY, host, asked)
    if temper.blocks and asked.source == temper.blocks:
        return _refusal(Cause.BLOCKED, host, asked)
    fate = _fate(temper, person, asked.chapter)
    if (cause := _told_at_rcpt(temper, fate, asked.source)) is not None:
        return _refusal(cause, host, asked)
    if asked.attempt <= temper.greylist:
        return _refusal(Cause.GREYLISTED, host, asked)
    return _TAKINGS.get(fate, Taking())


def words(cause: Cause, host: Host, recipient: str, source: str = "") -> tuple[int, str, str]:
    """Reply code, enhanced code and text of a cause in the host's style."""
    code, enhanced = _CODES[cause]
    text = _WORDS[cause][host.temper.style].format(recipient=recipient, source=source, host=host.name)
    return code, enhanced, text


def _refusal(cause: Cause, host: Host, asked: Asked) -> Refusal:
    code, enhanced, text = words(cause, host, asked.recipient, asked.source)
    return Refusal(code, f"{enhanced} {text}", cause)


def _fate(temper: Temper, person: Person | None, chapter: int) -> Fate:
    if person is None:
        return Fate.READS if temper.everyone else Fate.UNKNOWN
    return person.fate(chapter)


def _told_at_rcpt(temper: Temper, fate: Fate, source: str) -> Cause | None:
    """Why the host refuses in the session, or None when it does not."""
    match fate:
        case Fate.REFUSED:
            return Cause.UNKNOWN
        case Fate.UNKNOWN if not temper.late:
            return Cause.UNKNOWN
        case Fate.SUSPENDED if not temper.late:
            return Cause.SUSPENDED
        case Fate.FULL if temper.full is not Full.REPORTS:
            return Cause.FULL if temper.full is Full.REFUSES else Cause.FULL_NOW
        case Fate.WARY if source == temper.distrusts:
            return Cause.BLOCKED
        case _:
            return None


_TAKINGS: Final[Mapping[Fate, Taking]] = {
    Fate.UNKNOWN: Taking(comeback=Comeback.DSN, cause=Cause.UNKNOWN),
    Fate.SUSPENDED: Taking(comeback=Comeback.DSN, cause=Cause.SUSPENDED),
    Fate.FULL: Taking(comeback=Comeback.DSN, cause=Cause.FULL),
    Fate.DELAYED: Taking(comeback=Comeback.DELAY, cause=Cause.DELAYED),
    Fate.COMPLAINS: Taking(comeback=Comeback.COMPLAINT),
    Fate.ANSWERS: Taking(comeback=Comeback.REPLY),
    Fate.AWAY: Taking(comeback=Comeback.AWAY),
    Fate.LOST: Taking(kept=False),
}
