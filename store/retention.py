"""Drops what is old, in short transactions: clients' letters, what came in, attempts at delivery.

A letter keeps its arrival (whose bytes it shows), so the letters of a conversation are dropped before. Each function
takes at most AT_ONCE rows, the oldest first, in the caller's transaction; admin/retaining calls them until nothing is
old. Crash case: what is gone is gone, the rest is dropped next time; a file of the spool that lost its row is swept
(store/spool_sweep).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from store.arrivals import ArrivalState
from store.content_rows import drop_unnamed
from store.schema import arrival_recipients, arrivals, attempts, conversations, correspondence, forwards

AT_ONCE: Final = 200

_LETTER: Final = delete(correspondence).where(
    correspondence.c.client_id == bindparam("client"), correspondence.c.arrival_id == bindparam("arrival")
)
_CONVERSATION: Final = delete(conversations).where(
    conversations.c.client_id == bindparam("client"), conversations.c.newest == bindparam("arrival")
)


@dataclass(frozen=True, slots=True)
class Looked:
    """`behind` is the last arrival that was looked at; `old` are those of them that may go; `more` may follow."""

    behind: int
    old: tuple[int, ...]
    more: bool


def forget_letters(tx: Connection, before: datetime) -> int:
    """On `mail`: how many; with the last letter of a conversation it leaves the list."""
    place = (correspondence.c.client_id, correspondence.c.arrival_id)
    oldest = select(*place, correspondence.c.at).order_by(correspondence.c.arrival_id).limit(AT_ONCE)
    gone = [{"client": row.client_id, "arrival": row.arrival_id} for row in tx.execute(oldest) if row.at < before]
    if gone:
        tx.execute(_CONVERSATION, gone)
        tx.execute(_LETTER, gone)
    return len(gone)


def old_arrivals(connection: Connection, behind: int, before: datetime) -> Looked:
    """On `mail`: of the next arrivals behind that id those that were sorted and are in no conversation."""
    wanted = select(arrivals.c.id, arrivals.c.state, arrivals.c.received_at).where(arrivals.c.id > behind)
    rows = connection.execute(wanted.order_by(arrivals.c.id).limit(AT_ONCE)).all()
    old = [row for row in rows if row.received_at < before]
    ids = [row.id for row in old if row.state != ArrivalState.NEW.value]
    named = select(correspondence.c.arrival_id).where(correspondence.c.arrival_id.in_(ids))
    kept = set(connection.execute(named).scalars())
    last = old[-1].id if old else behind
    return Looked(last, tuple(one for one in ids if one not in kept), more=len(old) == AT_ONCE)


def forget_forwards(tx: Connection, arrival_ids: Sequence[int]) -> None:
    """On `core`, before the arrivals: that these were sent on needs no longer be known."""
    tx.execute(delete(forwards).where(forwards.c.arrival_id.in_(arrival_ids)))


def forget_arrivals(tx: Connection, arrival_ids: Sequence[int]) -> tuple[str, ...]:
    """On `mail`: with their bytes where no mailbox holds them; the files of the spool that nothing names now."""
    tx.execute(delete(arrival_recipients).where(arrival_recipients.c.arrival_id.in_(arrival_ids)))
    gone = delete(arrivals).where(arrivals.c.id.in_(arrival_ids)).returning(arrivals.c.content_id)
    return drop_unnamed(tx, list(tx.execute(gone).scalars()))


def forget_attempts(tx: Connection, before: datetime) -> int:
    """On `events`."""
    oldest = tx.execute(select(attempts.c.id, attempts.c.at).order_by(attempts.c.id).limit(AT_ONCE)).all()
    gone = [row.id for row in oldest if row.at < before]
    if gone:
        tx.execute(delete(attempts).where(attempts.c.id.in_(gone)))
    return len(gone)
