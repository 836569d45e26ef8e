"""The states of a ledger row, and the only moves between them.

Pure. store/ledger.py saves what `advance` allows; nothing else writes `recipients.state`.
A crash leaves INFLIGHT: the worker's heartbeat runs out (or its successor frees its claims) and the row is
QUEUED again, so a message may arrive twice and never not at all (RFC 5321 §4.5.4.1, §6.1). Each other move is one
transaction: a crash before its commit leaves the state as it was, and whoever asked asks again. An operator's HOLD of a
row in flight is two moves in one transaction: back to QUEUED, then HELD (store/hand.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class State(Enum):
    QUEUED = "queued"  # new, or waiting for its next attempt
    INFLIGHT = "inflight"  # claimed by one worker's incarnation, as long as that lives
    HELD = "held"  # an operator's hand
    DELIVERED = "delivered"  # remote MX said 250; a DSN may still come
    BOUNCED = "bounced"  # a DSN took the 250 back
    FAILED = "failed"  # 5xx
    EXPIRED = "expired"  # too old
    SUPPRESSED = "suppressed"  # blocked, without consent, over the limit of waiting messages
    CANCELLED = "cancelled"


class Event(Enum):
    CLAIM = "claim"
    DELIVER = "deliver"
    DEFER = "defer"
    FAIL = "fail"
    EXPIRE = "expire"
    SUPPRESS = "suppress"
    CLAIM_LOST = "claim_lost"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    DSN_FAILED = "dsn_failed"


FINAL: Final = frozenset(
    {State.DELIVERED, State.BOUNCED, State.FAILED, State.EXPIRED, State.SUPPRESSED, State.CANCELLED}
)

MOVES: Final[Mapping[tuple[State, Event], State]] = {
    (State.QUEUED, Event.CLAIM): State.INFLIGHT,
    (State.QUEUED, Event.HOLD): State.HELD,
    (State.QUEUED, Event.CANCEL): State.CANCELLED,
    (State.HELD, Event.RELEASE): State.QUEUED,
    (State.HELD, Event.CANCEL): State.CANCELLED,
    (State.INFLIGHT, Event.DELIVER): State.DELIVERED,
    (State.INFLIGHT, Event.DEFER): State.QUEUED,
    (State.INFLIGHT, Event.FAIL): State.FAILED,
    (State.INFLIGHT, Event.EXPIRE): State.EXPIRED,
    (State.INFLIGHT, Event.SUPPRESS): State.SUPPRESSED,
    (State.INFLIGHT, Event.CANCEL): State.CANCELLED,
    (State.INFLIGHT, Event.CLAIM_LOST): State.QUEUED,
    (State.DELIVERED, Event.DSN_FAILED): State.BOUNCED,
    # A remote host may bounce before our own 250 is settled, or after a crash has queued the row again: its
    # report proves that it took the message, so nothing is sent a second time.
    (State.INFLIGHT, Event.DSN_FAILED): State.BOUNCED,
    (State.QUEUED, Event.DSN_FAILED): State.BOUNCED,
    (State.HELD, Event.DSN_FAILED): State.BOUNCED,
}


def advance(state: State, event: Event) -> State | None:
    """The state after `event`, or None where the table has no such move."""
    return MOVES.get((state, event))


def sources_of(event: Event) -> tuple[State, ...]:
    """The states from which `event` may move a row: the condition that an UPDATE repeats."""
    return tuple(state for state, known in MOVES if known is event)
