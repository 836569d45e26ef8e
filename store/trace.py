"""The whole life of a message: from the ledger, the attempts, the arrivals and the rating ledger, in order of time.

Asked by `mailloft trace` and by the API; a project sees its own only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from store import attempts
from store.schema import (
    arrival_recipients,
    arrivals,
    clients,
    messages,
    rating_changes,
    recipients,
)
from store.stores import Stores

NEWEST = 50  # ledger rows of one address that a trace shows


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    event: str
    recipient_id: int | None
    fields: dict[str, Any]


def rows_for_address(connection: Connection, project_id: int | None, address_key: str) -> list[int]:
    """The newest ledger rows of an address."""
    wanted = (
        select(recipients.c.id)
        .join(clients, clients.c.id == recipients.c.client_id)
        .where(clients.c.address_key == address_key)
        .order_by(recipients.c.id.desc())
        .limit(NEWEST)
    )
    if project_id is not None:
        wanted = wanted.where(clients.c.project_id == project_id)
    return list(connection.execute(wanted).scalars())


def rows_for_message_id(connection: Connection, message_id: str) -> list[int]:
    """The ledger rows of a submitted message by its Message-ID, without brackets or with them."""
    wanted = (
        select(recipients.c.id)
        .join(messages, messages.c.id == recipients.c.message_id)
        .where(messages.c.message_id.in_([message_id, f"<{message_id}>"]))
        .limit(NEWEST)
    )
    return list(connection.execute(wanted).scalars())


def life_of(stores: Stores, project_id: int | None, recipient_id: int) -> list[Happened]:
    """Everything known of one ledger row, the oldest first; empty where it is none of this project's."""
    with stores.core.database.read() as core:
        row = _row(core, project_id, recipient_id)
        if row is None:
            return []
        happened = [*_ledger_events(row), *_rating_events(core, recipient_id)]
    with stores.events.database.read() as events:
        happened.extend(_attempt_events(attempts.of_recipient(events, recipient_id)))
    with stores.mail.database.read() as mail:
        happened.extend(_arrival_events(mail, recipient_id))
    return sorted(happened, key=lambda one: one.at)


def _row(connection: Connection, project_id: int | None, recipient_id: int) -> Any:
    wanted = (
        select(recipients, messages.c.project_id, messages.c.campaign_id, messages.c.kind, messages.c.reverse_path)
        .join(messages, messages.c.id == recipients.c.message_id)
        .where(recipients.c.id == recipient_id)
    )
    if project_id is not None:
        wanted = wanted.where(messages.c.project_id == project_id)
    return connection.execute(wanted).first()


def _ledger_events(row: Any) -> Iterable[Happened]:
    queued = {"address": row.address, "kind": row.kind, "campaign": row.campaign_id, "message": row.message_id}
    yield Happened(row.queued_at, "queued", row.id, queued)
    if row.settled_at is not None:
        reason = row.reason.value if row.reason else None
        ended = {"attempts": row.attempts, "source": row.last_source, "code": row.last_code, "reason": reason}
        yield Happened(row.settled_at, row.state.value, row.id, {**ended, "words": row.last_words})
    else:
        yield Happened(row.due, f"{row.state.value}, next attempt", row.id, {"attempts": row.attempts})


def _attempt_events(made: Iterable[attempts.Attempt]) -> Iterable[Happened]:
    for one in made:
        said = {"source": one.source, "host": one.host, "tls": one.tls, "code": one.code, "words": one.words}
        timed = {"milliseconds": one.milliseconds, "transcript": one.transcript}
        yield Happened(one.at, "attempt", one.recipient_id, {**said, **timed})


def _rating_events(connection: Connection, recipient_id: int) -> Iterable[Happened]:
    wanted = select(rating_changes).where(rating_changes.c.recipient_id == recipient_id)
    for row in connection.execute(wanted):
        reason = row.reason.value if row.reason else None
        moved = {"before": row.before, "after": row.after, "cause": row.cause, "reason": reason, "words": row.words}
        yield Happened(row.at, "rating", recipient_id, moved)


def _arrival_events(connection: Connection, recipient_id: int) -> Iterable[Happened]:
    wanted = (
        select(arrivals.c.id, arrivals.c.received_at, arrivals.c.kind, arrivals.c.state, arrivals.c.peer)
        .join(arrival_recipients, arrival_recipients.c.arrival_id == arrivals.c.id)
        .where(arrival_recipients.c.target == recipient_id, arrival_recipients.c.purpose != "mailbox")
    )
    for row in connection.execute(wanted):
        kind = row.kind.value if row.kind else None
        told = {"arrival": row.id, "kind": kind, "state": row.state, "peer": row.peer}
        yield Happened(row.received_at, "arrival", recipient_id, told)
