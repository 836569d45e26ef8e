"""Rows are born here: for campaigns, submitted messages and our own DSNs, always in the transaction of their cause.

Crash case: none of its own; what makes a row makes its message and counts its flow in the same transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert

from mail.outcome import Reason
from policy.lifecycle import State
from store import flows
from store.prepared import Prepared
from store.schema import recipients

_GIVEN: Final = (
    "flow_id", "message_id", "client_id", "address", "state", "due", "queued_at", "last_words", "reason", "settled_at",
)  # fmt: skip
_ADD = Prepared(insert(recipients).values({name: bindparam(name) for name in _GIVEN}).inline())


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to be made: QUEUED and due, or SUPPRESSED or CANCELLED from its birth, with the words that say why."""

    flow_id: int
    message_id: int
    client_id: int | None
    address: str
    state: State = State.QUEUED
    words: str | None = None
    reason: Reason | None = None
    due: datetime | None = None  # None: at once


def add(tx: Connection, rows: Sequence[NewRow], now: datetime) -> None:
    """Make rows, some hundreds at most; their flows grow by what is queued."""
    if not rows:
        return
    made = [
        {
            "flow_id": row.flow_id, "message_id": row.message_id, "client_id": row.client_id, "address": row.address,
            "state": row.state, "due": row.due or now, "queued_at": now, "last_words": row.words, "reason": row.reason,
            "settled_at": None if row.state is State.QUEUED else now,
        }
        for row in rows
    ]  # fmt: skip
    _ADD.each(tx, made)
    flows.grow(tx, Counter(row.flow_id for row in rows if row.state is State.QUEUED))
