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

from sqlalchemy import Connection, func, insert, select, text, update

from mail.outcome import Kind
from policy.acceptance import Accepted, Purpose
from store.filing import put_content
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


def add(tx: Connection, received: Received, stored: Stored, recipients: Sequence[Accepted]) -> int:
    """The id of the new arrival, which waits for the sorter."""
    row = {
        "content_id": put_content(tx, stored),
        "state": ArrivalState.NEW.value,
        "parses": 0,
        "received_at": received.received_at,
        "reverse_path": received.reverse_path,
        "peer": received.peer,
        "helo": received.helo,
        "tls": received.tls,
        "authentication": received.authentication,
    }
    arrival = int(tx.execute(insert(arrivals).values(row).returning(arrivals.c.id)).scalar_one())
    rows = [
        {
            "arrival_id": arrival,
            "position": position,
            "address": recipient.address,
            "purpose": recipient.purpose.value,
            "target": recipient.target,
        }
        for position, recipient in enumerate(recipients)
    ]
    tx.execute(insert(arrival_recipients), rows)
    return arrival


def waiting(tx: Connection, after: int, limit: int) -> list[int]:
    """Ids of unsorted arrivals beyond `after`, the oldest first."""
    new = select(arrivals.c.id).where(_NEW, arrivals.c.id > after)
    return list(tx.execute(new.order_by(arrivals.c.id).limit(limit)).scalars())


def backlog(tx: Connection) -> tuple[int, datetime | None]:
    """How many wait, and since when the oldest does."""
    row = tx.execute(select(func.count(), func.min(arrivals.c.received_at)).where(_NEW)).one()
    return row[0], row[1]


def begin_parse(tx: Connection, arrival: int) -> int:
    """Count an attempt before it is made; how many have been begun with this one."""
    counted = update(arrivals).where(arrivals.c.id == arrival).values(parses=arrivals.c.parses + 1)
    return int(tx.execute(counted.returning(arrivals.c.parses)).scalar_one())


def take_back_parse(tx: Connection, arrival: int) -> None:
    """The attempt ended for a reason that is not the message's."""
    tx.execute(
        update(arrivals).where(arrivals.c.id == arrival, arrivals.c.parses > 0).values(parses=arrivals.c.parses - 1)
    )


def load(tx: Connection, arrival: int) -> Arrival:
    """With its recipients and where its bytes are."""
    found = tx.execute(
        select(arrivals, contents.c.bytes, contents.c.file, contents.c.size_bytes)
        .join(contents)
        .where(arrivals.c.id == arrival)
    ).one()
    people = select(arrival_recipients).where(arrival_recipients.c.arrival_id == arrival)
    return Arrival(
        id=found.id,
        content_id=found.content_id,
        parses=found.parses,
        received_at=found.received_at,
        reverse_path=found.reverse_path,
        authentication=found.authentication,
        size_bytes=found.size_bytes,
        blob=found.bytes,
        file=found.file,
        recipients=tuple(
            Recipient(row.position, row.address, Purpose(row.purpose), row.target)
            for row in tx.execute(people.order_by(arrival_recipients.c.position))
        ),
    )


def mark(
    tx: Connection, arrival: int, state: ArrivalState, kind: Kind | None, client: int | None, now: datetime
) -> bool:
    """The sorter is done with it; False where it was marked before."""
    unsorted = update(arrivals).where(arrivals.c.id == arrival, _NEW)
    values = {"state": state.value, "kind": kind, "client_id": client, "sorted_at": now}
    return tx.execute(unsorted.values(values)).rowcount == 1


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


# Text, not a parameter: only so does SQLite see that the partial index fits.
_NEW = text("arrivals.state = 'new'")
