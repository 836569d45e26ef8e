"""A client's conversation: what we sent him (ledger rows, on `core`) and what he wrote (correspondence, on `mail`).

Whose conversation a mail is in is asked on core in the transaction of its consequences (`client_of`); `link` is called
with the filing on mail, idempotent by (client, arrival). Each half is read by its own key, newest first, and the reader
merges them by time. Crash case: as in store/sorting.py, a mail that is sorted again is linked to the same clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite

from mail.letter import Letter
from mail.outcome import Reason
from policy.lifecycle import State
from store import conversation_list
from store.arrivals import Arrival
from store.schema import answers, campaigns, correspondence, messages, recipients

_NAMESAKES: Final = 100  # messages of one Message-ID, which programs choose, and rows of those
_LINK: Final = {
    "sqlite": sqlite.insert(correspondence).on_conflict_do_nothing().returning(correspondence.c.client_id),
    "postgresql": postgresql.insert(correspondence).on_conflict_do_nothing().returning(correspondence.c.client_id),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mail belongs; `mailbox_id` None: it came to the reverse-path of what we sent."""

    project_id: int
    client_id: int
    mailbox_id: int | None


@dataclass(frozen=True, slots=True)
class Came:
    arrival_id: int
    mailbox_id: int | None
    at: datetime
    dmarc: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class Sent:
    """A ledger row; `blob` or `file` where it was no campaign's."""

    recipient_id: int
    at: datetime
    state: State
    reason: Reason | None
    words: str | None
    settled_at: datetime | None
    kind: str
    reverse_path: str
    campaign_id: int | None
    campaign: str | None
    content_version: int | None
    blob: bytes | None
    file: str | None


def client_of(
    tx: Connection, project: int, rows: Sequence[int], message_ids: Sequence[str], author: int | None
) -> int | None:
    """Whose conversation it is: by the first of these ledger rows that is the project's, by the Message-IDs of what
    programs and people sent, then the author's own."""
    by_row = _clients_of_rows(tx, project, rows) if rows else {}
    found = next((by_row[row] for row in rows if row in by_row), None)
    if found is None and message_ids:
        found = _client_of_messages(tx, project, message_ids, author)
    return found if found is not None else author


def _clients_of_rows(tx: Connection, project: int, rows: Sequence[int]) -> dict[int, int]:
    wanted = select(recipients.c.id, recipients.c.client_id).join(messages, messages.c.id == recipients.c.message_id)
    mine = (recipients.c.id.in_(rows), messages.c.project_id == project, recipients.c.client_id.is_not(None))
    return {row.id: row.client_id for row in tx.execute(wanted.where(*mine))}


def _client_of_messages(tx: Connection, project: int, message_ids: Sequence[str], author: int | None) -> int | None:
    """Of the nearest one that tells: the author where it went to him, whom an answer was to, or its only addressee."""
    wanted = (
        select(messages.c.id, messages.c.message_id, answers.c.client_id)
        .outerjoin(answers, answers.c.message_id == messages.c.id)
        .where(messages.c.message_id.in_(message_ids), messages.c.project_id == project)
        .order_by(messages.c.id.desc())
        .limit(_NAMESAKES)
    )
    named = tx.execute(wanted).all()
    for text in message_ids:
        for message in named:
            if message.message_id == text and (found := _told_by(tx, message, author)) is not None:
                return found
    return None


def _told_by(tx: Connection, message: Any, author: int | None) -> int | None:
    its = select(recipients.c.client_id).where(recipients.c.message_id == message.id)
    if author is not None and tx.execute(its.where(recipients.c.client_id == author).limit(1)).first() is not None:
        return author
    if message.client_id is not None:
        return int(message.client_id)
    first = tx.execute(its.order_by(recipients.c.id).limit(2)).scalars().all()
    return first[0] if len(first) == 1 else None


def link(tx: Connection, arrival: Arrival, letter: Letter, places: Sequence[Place]) -> None:
    """On `mail`; each client once, whichever mailbox comes first."""
    dmarc = str(arrival.authentication.get("dmarc", ""))
    rows = {
        place.client_id: {
            "client_id": place.client_id, "arrival_id": arrival.id, "mailbox_id": place.mailbox_id,
            "at": arrival.received_at, "dmarc": dmarc, "letter": letter,
        }
        for place in reversed(places)
    }  # fmt: skip
    if rows:
        new = set(tx.execute(_LINK[tx.dialect.name], list(rows.values())).scalars())
        came_to = {place.client_id: place.project_id for place in places if place.client_id in new}
        conversation_list.wake(tx, came_to, arrival.id, arrival.received_at)


def came(tx: Connection, client: int, before: int, limit: int) -> list[Came]:
    """On `mail`: the newest arrivals of a lower id than `before`."""
    mine = (correspondence.c.client_id == client, correspondence.c.arrival_id < before)
    rows = tx.execute(select(correspondence).where(*mine).order_by(correspondence.c.arrival_id.desc()).limit(limit))
    return [
        Came(row.arrival_id, row.mailbox_id, row.at, row.dmarc, msgspec.convert(row.letter, Letter)) for row in rows
    ]


def sent(tx: Connection, client: int, before: int, limit: int) -> list[Sent]:
    """On `core`: the newest ledger rows of a lower id than `before`, but for campaigns that keep no history (K3)."""
    kept = or_(campaigns.c.id.is_(None), campaigns.c.keeps_history == true())
    wanted = (
        select(
            recipients.c.id, recipients.c.queued_at, recipients.c.state, recipients.c.reason, recipients.c.last_words,
            recipients.c.settled_at, messages.c.kind, messages.c.reverse_path, messages.c.campaign_id,
            campaigns.c.name, messages.c.content_version, messages.c.bytes, messages.c.file,
        )
        .join(messages, messages.c.id == recipients.c.message_id)
        .outerjoin(campaigns, campaigns.c.id == messages.c.campaign_id)
        .where(recipients.c.client_id == client, recipients.c.id < before, kept)
        .order_by(recipients.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    rows: Iterable[Any] = tx.execute(wanted)
    return [Sent(*row) for row in rows]
