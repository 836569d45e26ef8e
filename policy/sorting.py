"""What follows from an arrival: facts of the mail and of its envelope -> the acts that store/sorting carries out.

Pure. The sorter asks once an arrival is classified. Which message of ours a report is about is told by the signed token
of the envelope first, by the Message-ID of the returned header second; the text alone ties nothing, since anybody can
write one: a report that ties to nothing we sent changes no rating (PRODUCT R2-R4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mail.outcome import Action, Kind, Outcome
from mail.verp import Tokens
from policy.acceptance import Purpose
from policy.authentication import Disposition, DmarcResult
from policy.classification import Classified


@dataclass(frozen=True, slots=True)
class Reported:
    """A DSN about this ledger row; which of the outcomes is the row's is told by its address."""

    recipient_id: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Complained:
    recipient_id: int


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """From the lists of the campaign that the row belongs to."""

    recipient_id: int


@dataclass(frozen=True, slots=True)
class Replied:
    """A person wrote: to a mailbox, or to the reverse-path of a ledger row.

    `address_key`: the one author (normalised), whose address is alive; None where nobody may be taken for him. `rows`
    are the ledger rows whose signed Message-IDs it answers, `message_ids` the others, the nearest first.
    """

    address_key: str | None
    mailbox_id: int | None
    recipient_id: int | None
    rows: tuple[int, ...] = ()
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Met:
    """People whom a mailbox heard of: its writer and those on vCards, normalised. Its switches say who counts (M3)."""

    mailbox_id: int
    writers: tuple[str, ...]
    on_cards: tuple[str, ...]


Act = Reported | Complained | Unsubscribed | Replied | Met


@dataclass(frozen=True, slots=True)
class To:
    """One recipient of the arrival, as RCPT judged it."""

    position: int
    purpose: Purpose
    target: int | None


@dataclass(frozen=True, slots=True)
class Mail:
    """`author` is the one From address, normalised, or None; `dmarc` and `disposition` are words of the session.

    `answers`: the Message-IDs of In-Reply-To and References, with their brackets.
    """

    classified: Classified
    author: str | None
    dmarc: str
    disposition: str
    answers: tuple[str, ...] = ()


# Machines answer there too; what they report is not a wish.
_NO_WISH: Final = frozenset({Kind.BOUNCE, Kind.DELAY, Kind.DELIVERY, Kind.MDN})
_REPORTS: Final = frozenset({Kind.BOUNCE, Kind.COMPLAINT, Kind.UNSUBSCRIBE})


def acts(mail: Mail, recipients: Sequence[To], tokens: Tokens) -> tuple[Act, ...]:
    """Each once, in a stable order, so that a second reading after a crash does the same."""
    found: list[Act] = []
    for recipient in recipients:
        found += _for(mail, recipient, tokens)
    if mail.classified.kind in _REPORTS and not any(isinstance(act, Reported | Complained) for act in found):
        found += _by_message_id(mail, tokens)
    return tuple(dict.fromkeys(found))


def meetings(mail: Mail, cards: Sequence[str], recipients: Sequence[To]) -> tuple[Act, ...]:
    """Of a person's mail that is no junk, as its acts go before the others: who is a client now is one who replied."""
    if not revives(mail) or mail.author is None:
        return ()
    homes = [one.target for one in recipients if one.purpose is Purpose.MAILBOX and one.target is not None]
    return tuple(Met(home, (mail.author,), tuple(cards)) for home in dict.fromkeys(homes))


def revives(mail: Mail) -> bool:
    """Whether its author is a person whose address is alive (R4)."""
    return mail.classified.kind is Kind.HUMAN and mail.author is not None and mail.dmarc != DmarcResult.FAIL.value


def is_junk(mail: Mail) -> bool:
    """Whether the owner of the From domain asks that it be put aside (I2)."""
    return mail.disposition == Disposition.QUARANTINE.value


def _for(mail: Mail, recipient: To, tokens: Tokens) -> list[Act]:
    match recipient:
        case To(purpose=Purpose.BOUNCE, target=int(row)) if mail.classified.kind is Kind.HUMAN:
            return _replied(mail, None, row, tokens)
        case To(purpose=Purpose.BOUNCE, target=int(row)):
            return _about(mail, row)
        case To(purpose=Purpose.UNSUBSCRIBE, target=int(row)) if mail.classified.kind not in _NO_WISH:
            return [Unsubscribed(row)]
        case To(purpose=Purpose.MAILBOX, target=int(mailbox)) if mail.classified.kind is Kind.HUMAN:
            return _replied(mail, mailbox, None, tokens)
    return []


def _replied(mail: Mail, mailbox: int | None, row: int | None, tokens: Tokens) -> list[Act]:
    """A person's mail: whose conversation it is in, and whether its author is alive."""
    author = mail.author if revives(mail) else None
    rows = {text: tokens.row_of_message_id(text) for text in mail.answers}
    signed = tuple(dict.fromkeys(one for one in rows.values() if one is not None))
    others = tuple(text for text, one in rows.items() if one is None)
    return [Replied(author, mailbox, row, signed, others)] if author or signed or others or row is not None else []


def _about(mail: Mail, row: int) -> list[Act]:
    """What mail to the reverse-path of `row` does."""
    match mail.classified.kind:
        case Kind.BOUNCE:
            return [Reported(row, _failed(mail.classified.recipients))]
        case Kind.COMPLAINT:
            return [Complained(row)]
        case Kind.UNSUBSCRIBE:
            return [Unsubscribed(row)]
    return []


def _by_message_id(mail: Mail, tokens: Tokens) -> list[Act]:
    rows = [row for text in mail.classified.message_ids if (row := tokens.row_of_message_id(text)) is not None]
    return [act for row in dict.fromkeys(rows) for act in _about(mail, row)]


def _failed(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Prose often names no action; a mail that is a bounce says failed."""
    return tuple(replace(one, action=Action.FAILED) if one.action is None else one for one in outcomes)
