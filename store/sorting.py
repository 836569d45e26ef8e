"""Carries out what policy/sorting decided, in two steps: consequences on `core`, then filing and mark on `mail`.

The sorter calls `carry_out` in a transaction on core and, once that is durable, `finish` in one on mail. Both are
idempotent. Crash case: killed between them, the arrival is still new; it is sorted again, finds each cause in the
rating ledger already, and is filed once by (folder, arrival).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy import Connection, select

from mail.address import parse_mailbox
from mail.letter import Letter
from mail.mime_index import Indexed
from mail.outcome import Action, Kind, Outcome
from policy.acceptance import Purpose
from policy.sorting import Act, Complained, Met, Replied, Reported, Unsubscribed
from store import acquaintance, arrivals, breakers, consequences, conversations, counters, filing, folders, mailboxes
from store.arrivals import Arrival, ArrivalState, Mark
from store.conversations import Place
from store.filing import Arrived
from store.onward import Onward, send_on
from store.schema import campaigns

_JUNK = "\\Junk"


@dataclass(frozen=True, slots=True)
class Tied:
    """What an arrival turned out to belong to: a client, the ledger row a report was about, conversations."""

    client_id: int | None
    recipient_id: int | None
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How the sorting of an arrival ends; `mailboxes` get it, each once, those of `junk` into that folder.

    `index` is None where there is nothing to file.
    """

    state: ArrivalState
    kind: Kind | None
    tied: Tied
    mailboxes: tuple[int, ...]
    junk: frozenset[int]
    index: Indexed | None
    letter: Letter | None = None


def existing_mailboxes(tx: Connection, group: Sequence[Arrival]) -> dict[int, tuple[int, ...]]:
    """By arrival: those that it is for and that have not been deleted since RCPT; on `core`."""
    wanted = {arrival.id: list(dict.fromkeys(_mailboxes_of(arrival))) for arrival in group}
    there = mailboxes.existing(tx, {mailbox for each in wanted.values() for mailbox in each})
    return {arrival: tuple(one for one in each if one in there) for arrival, each in wanted.items()}


def _mailboxes_of(arrival: Arrival) -> list[int]:
    return [one.target for one in arrival.recipients if one.purpose is Purpose.MAILBOX and one.target is not None]


def carry_out(tx: Connection, doing: Sequence[Act], arrival: int, now: datetime, onward: Sequence[Onward] = ()) -> Tied:
    """All acts of one arrival and its copies for other hosts, in one transaction."""
    send_on(tx, arrival, onward, now)
    tied = Tied(None, None)
    for act in doing:
        found = _carry_out(tx, act, arrival, now)
        client, row = tied.client_id or found.client_id, tied.recipient_id or found.recipient_id
        tied = Tied(client, row, (*tied.places, *found.places))
    return tied


def finish(tx: Connection, endings: Sequence[tuple[Arrival, Ending]], now: datetime) -> None:
    """File each where it belongs and mark it sorted, with few statements for all; idempotent.

    Whatever fails for one of them fails for all: the caller tries them one by one then.
    """
    for (mailbox, junk), mails in sorted(_by_folder(endings).items(), key=lambda item: item[0]):
        inbox = folders.ensure_folders(tx, mailbox, now)
        found = folders.by_use(tx, mailbox, _JUNK) if junk else None
        filing.file_arrivals(tx, found.id if found else inbox, mails, now)
    for arrival, ending in endings:
        for recipient in arrival.recipients:
            if ending.tied.recipient_id is not None and recipient.purpose is not Purpose.MAILBOX:
                arrivals.tie(tx, arrival.id, recipient.position, ending.tied.recipient_id)
        if ending.letter is not None:
            conversations.link(tx, arrival, ending.letter, ending.tied.places)
    marks = [Mark(arrival.id, one.state, one.kind, one.tied.client_id) for arrival, one in endings]
    arrivals.mark(tx, marks, now)


def _by_folder(endings: Sequence[tuple[Arrival, Ending]]) -> dict[tuple[int, bool], list[Arrived]]:
    """What each mailbox gets into its INBOX (False) or its junk folder."""
    found: dict[tuple[int, bool], list[Arrived]] = {}
    for arrival, ending in endings:
        if ending.index is not None:
            size, at = arrival.size_bytes, arrival.received_at
            mail = Arrived(arrival.content_id, size, at, arrival.id, ending.index)
            for mailbox in ending.mailboxes:
                found.setdefault((mailbox, mailbox in ending.junk), []).append(mail)
    return found


def _carry_out(tx: Connection, act: Act, arrival: int, now: datetime) -> Tied:
    match act:
        case Replied():
            return _reply(tx, act, arrival, now)
        case Met():
            acquaintance.meet(tx, act, now)
            return Tied(None, None)
        case Reported() | Complained() | Unsubscribed():
            row = consequences.row_of(tx, act.recipient_id)
            if row is None:
                return Tied(None, None)
        case _:
            assert_never(act)
    match act:
        case Reported():
            if outcome := _own(act.outcomes, row.address):
                consequences.apply_report(tx, row.recipient_id, outcome, arrival, now)
        case Complained():
            consequences.complaint(tx, row.recipient_id, arrival, now)
        case Unsubscribed():
            consequences.unsubscribe(tx, row.recipient_id, _list_of(tx, row.campaign_id), now)
    return Tied(row.client_id, row.recipient_id)


def _own(outcomes: Sequence[Outcome], address: str) -> Outcome | None:
    """The outcome of this row: the one that names its address, else a failed one (it was forwarded), else none."""
    key = mailboxes.address_key(address)
    named = [one for one in outcomes if one.recipient and mailboxes.address_key(one.recipient) == key]
    failed = [one for one in outcomes if one.action is Action.FAILED]
    return next(iter(named or failed), None)


def _list_of(tx: Connection, campaign: int | None) -> int:
    """The list that the campaign went to; 0, everything, where it was none."""
    if campaign is None:
        return 0
    return int(tx.execute(select(campaigns.c.list_id).where(campaigns.c.id == campaign)).scalar() or 0)


def _reply(tx: Connection, act: Replied, arrival: int, now: datetime) -> Tied:
    """The author revived where he is a client of that project, and the conversation that the mail belongs to."""
    row = consequences.row_of(tx, act.recipient_id) if act.recipient_id is not None else None
    project = _project_of(tx, act, row)
    if project is None:
        return Tied(None, None)
    author = consequences.client_by_address(tx, project, act.address_key) if act.address_key else None
    # Who writes to a reverse-path is known only if he is the one whom that message went to.
    his = row is None or parse_mailbox(row.address).normalised == act.address_key
    if author is not None and his and consequences.reply(tx, project, author, arrival, now):
        _count_reply(tx, project, row or (consequences.row_of(tx, act.rows[0]) if act.rows else None), now)
    rows = (*((act.recipient_id,) if act.recipient_id is not None else ()), *act.rows)
    client = conversations.client_of(tx, project, rows, act.message_ids, author)
    places = () if client is None else (Place(project, client, act.mailbox_id),)
    return Tied(author or client, None, places)


def _count_reply(tx: Connection, project: int, answered: consequences.Row | None, now: datetime) -> None:
    """For the report of the campaign that is answered, and for the plots."""
    if answered is None or answered.project_id != project:
        return
    changes = breakers.replied(answered.about, now)
    if answered.campaign_id is not None:
        changes["campaign", answered.campaign_id, "replies"] += 1
    counters.add(tx, changes)


def _project_of(tx: Connection, act: Replied, row: consequences.Row | None) -> int | None:
    if act.mailbox_id is not None:
        mailbox = mailboxes.by_id(tx, act.mailbox_id)
        return mailbox.project_id if mailbox else None
    return row.project_id if row is not None else None
