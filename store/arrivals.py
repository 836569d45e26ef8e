"""Arrivals: what came in, before and after the sorter has thought about it. All on `mail`.

mta/inbound/accept adds one (bytes, row and recipients in one commit, then the 250), the sorter takes the oldest, counts
its attempt before it parses, and marks it. Functions run in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, literal, select, text, update

from mail.outcome import Kind
from policy.acceptance import Accepted, Purpose
from store.columns import Count
from store.content_rows import put_contents
from store.prepared import Prepared
from store.schema import arrival_recipients, arrivals, contents
from store.spool import Stored


class ArrivalState(Enum):
    NEW = "new"
    SORTED = "sorted"
    UNPARSED = "unparsed"  # it killed the parser twice; filed as it is, with no effect


@dataclass(frozen=True, slots=True)
class Received:
    """What the session knows of a message; `reverse_path` "" is the null path, `authentication` is JSON."""

    received_at: datetime
    reverse_path: str
    peer: str
    helo: str
    tls: bool
    authentication: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recipient:
    position: int
    address: str
    purpose: Purpose
    target: int | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One that waits; `parses` are the attempts that were begun so far."""

    id: int
    content_id: int
    parses: int
    received_at: datetime
    reverse_path: str
    authentication: dict[str, Any]
    size_bytes: int
    blob: bytes | None
    file: str | None
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One that is to be kept; `stored` is what `Spool.put` said of its bytes."""

    received: Received
    stored: Stored
    recipients: Sequence[Accepted]


def add(tx: Connection, incoming: Sequence[Incoming]) -> list[int]:
    """The ids of the new arrivals, which wait for the sorter."""
    kept = put_contents(tx, [one.stored for one in incoming])
    rows = [_row(one.received, content) for one, content in zip(incoming, kept, strict=True)]
    made = (_ADD.row(tx, **row) for row in rows)
    ids = [int(found[0]) for found in made if found is not None]
    people = [
        {
            "arrival_id": arrival,
            "position": position,
            "address": recipient.address,
            "purpose": recipient.purpose.value,
            "target": recipient.target,
        }
        for arrival, one in zip(ids, incoming, strict=True)
        for position, recipient in enumerate(one.recipients)
    ]
    _ADD_RECIPIENTS.each(tx, people)
    return ids


def _row(received: Received, content_id: int) -> dict[str, Any]:
    return {
        "of_content": content_id,
        "of_received_at": received.received_at,
        "of_reverse_path": received.reverse_path,
        "of_peer": received.peer,
        "of_helo": received.helo,
        "of_tls": received.tls,
        "of_authentication": received.authentication,
    }


def waiting(tx: Connection, after: int, limit: int) -> list[int]:
    """Ids of unsorted arrivals beyond `after`, the oldest first."""
    new = select(arrivals.c.id).where(_NEW, arrivals.c.id > after)
    return list(tx.execute(new.order_by(arrivals.c.id).limit(limit)).scalars())


def backlog(tx: Connection) -> tuple[int, datetime | None]:
    """How many wait, and since when the oldest does."""
    row = tx.execute(select(func.count(), func.min(arrivals.c.received_at)).where(_NEW)).one()
    return row[0], row[1]


def begin_parse(tx: Connection, ids: Sequence[int]) -> None:
    """Count an attempt of each before it is made."""
    tx.execute(update(arrivals).where(arrivals.c.id.in_(ids)).values(parses=arrivals.c.parses + 1))


def take_back_parse(tx: Connection, arrival: int) -> None:
    """The attempt ended for a reason that is not the message's."""
    tx.execute(
        update(arrivals).where(arrivals.c.id == arrival, arrivals.c.parses > 0).values(parses=arrivals.c.parses - 1)
    )


def load(tx: Connection, ids: Sequence[int]) -> list[Arrival]:
    """With their recipients and where their bytes are, in the order of their ids."""
    people: dict[int, list[Recipient]] = {}
    named = select(arrival_recipients).where(arrival_recipients.c.arrival_id.in_(ids))
    for row in tx.execute(named.order_by(arrival_recipients.c.arrival_id, arrival_recipients.c.position)):
        recipient = Recipient(row.position, row.address, Purpose(row.purpose), row.target)
        people.setdefault(row.arrival_id, []).append(recipient)
    found = select(arrivals, contents.c.bytes, contents.c.file, contents.c.size_bytes).join(contents)
    return [
        Arrival(
            id=row.id,
            content_id=row.content_id,
            parses=row.parses,
            received_at=row.received_at,
            reverse_path=row.reverse_path,
            authentication=row.authentication,
            size_bytes=row.size_bytes,
            blob=row.bytes,
            file=row.file,
            recipients=tuple(people.get(row.id, ())),
        )
        for row in tx.execute(found.where(arrivals.c.id.in_(ids)).order_by(arrivals.c.id))
    ]


@dataclass(frozen=True, slots=True)
class Mark:
    """What the sorter made of an arrival."""

    arrival_id: int
    state: ArrivalState
    kind: Kind | None
    client_id: int | None


def mark(tx: Connection, marks: Sequence[Mark], now: datetime) -> None:
    """The sorter is done with these; one that was marked before stays as it is."""
    rows = [
        {
            "of": one.arrival_id,
            "new_state": one.state.value,
            "new_kind": one.kind,
            "new_client": one.client_id,
            "at": now,
        }
        for one in marks
    ]
    tx.execute(_MARK, rows)


def tie(tx: Connection, arrival: int, position: int, target: int) -> None:
    """Name the ledger row that a report turned out to be about, where its address did not."""
    tx.execute(
        update(arrival_recipients)
        .where(
            arrival_recipients.c.arrival_id == arrival,
            arrival_recipients.c.position == position,
            arrival_recipients.c.target.is_(None),
        )
        .values(target=target)
    )


_ADD = Prepared(
    insert(arrivals)
    .values(
        content_id=bindparam("of_content"),
        state=literal(ArrivalState.NEW.value),
        parses=literal(0, Count),
        received_at=bindparam("of_received_at"),
        reverse_path=bindparam("of_reverse_path"),
        peer=bindparam("of_peer"),
        helo=bindparam("of_helo"),
        tls=bindparam("of_tls"),
        authentication=bindparam("of_authentication"),
    )
    .returning(arrivals.c.id)
)
_ADD_RECIPIENTS = Prepared(insert(arrival_recipients))
# Text, not a parameter: only so does SQLite see that the partial index fits.
_NEW = text("arrivals.state = 'new'")
_MARK = (
    update(arrivals)
    .where(arrivals.c.id == bindparam("of"), _NEW)
    .values(
        state=bindparam("new_state"),
        kind=bindparam("new_kind", type_=arrivals.c.kind.type),
        client_id=bindparam("new_client"),
        sorted_at=bindparam("at", type_=arrivals.c.sorted_at.type),
    )
)
