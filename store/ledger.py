"""The ledger: one row for each message and recipient. Claim, settle, and nothing else moves a row.

The moves are those of policy/lifecycle.py; each UPDATE repeats the states it may start from, so that two workers
cannot both win. Crash case of claim and settle: a worker that dies in between leaves INFLIGHT rows under its
incarnation, which its successor frees (store/workers.py): at worst a message is sent twice, with one Message-ID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, TextualSelect, bindparam, insert, or_, select, text, update

from mail.outcome import Effect, Reason
from policy.lifecycle import MOVES, Event, State, sources_of
from store import breakers, counters, flows
from store.columns import Moment, OneOf
from store.consequences import Cause, judge
from store.schema import messages, recipients

_CLAIM = text(
    "UPDATE recipients SET state = 'inflight', claimed_by = :worker WHERE state = 'queued' AND id IN ("
    "SELECT id FROM recipients WHERE flow_id IN :flows AND state = 'queued' AND due <= :now "
    "ORDER BY flow_id, due LIMIT :limit {lock}) RETURNING id, flow_id, message_id, client_id, address, attempts, "
    "queued_at, last_source, reason"
)
_COLUMNS: Final[dict[str, Any]] = {"queued_at": Moment(), "reason": OneOf(Reason)}


def _claim_statement(lock: str) -> TextualSelect:
    return (
        text(_CLAIM.text.format(lock=lock))
        .bindparams(bindparam("flows", expanding=True), bindparam("now", type_=Moment()))
        .columns(**_COLUMNS)
    )


_CLAIMS: Final = {"sqlite": _claim_statement(""), "postgresql": _claim_statement("FOR UPDATE SKIP LOCKED")}
# One comparison a state: an IN list cannot be sent for many rows at once.
_SETTLEABLE = or_(*(recipients.c.state == state for state in sources_of(Event.DELIVER)))
_SETTLE = (
    update(recipients)
    .where(recipients.c.id == bindparam("recipient"), _SETTLEABLE)
    .values(
        state=bindparam("to_state"), due=bindparam("to_due"), claimed_by=None, attempts=bindparam("tried"),
        last_source=bindparam("source"), last_code=bindparam("code"), last_words=bindparam("words"),
        reason=bindparam("why"), settled_at=bindparam("settled"),
    )
)  # fmt: skip
_MINE = select(recipients.c.id, recipients.c.attempts, recipients.c.due).where(
    recipients.c.id.in_(bindparam("ids", expanding=True)),
    recipients.c.state == State.INFLIGHT,
    recipients.c.claimed_by == bindparam("worker"),
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row in this worker's hands; `attempts` are finished ones, `last_source` and `last_reason` of the last."""

    recipient_id: int
    flow_id: int
    message_id: int
    client_id: int | None
    address: str
    attempts: int
    queued_at: datetime
    last_source: str | None
    last_reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one claimed row leaves the worker's hands.

    `due` is set exactly for DEFER. `tried`: an attempt was made (not for CLAIM_LOST, SUPPRESS, CANCEL). `effect` is
    applied to the client's rating where the row ends with FAIL or EXPIRE. `warming` names the row of a warm-up plan
    that an attempt counts for (mta/outbound/warming.py); `sender_id` and `provider` are for the breakers' counters.
    """

    recipient_id: int
    flow_id: int
    project_id: int
    campaign_id: int | None
    client_id: int | None
    event: Event
    due: datetime | None = None
    tried: bool = True
    source: str | None = None
    code: int | None = None
    words: str = ""
    reason: Reason | None = None
    effect: Effect = Effect.NONE
    sender_id: int | None = None
    provider: str = ""
    warming: str = ""


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


def add(tx: Connection, rows: Sequence[NewRow], now: datetime) -> None:
    """Make rows, at most 200; their flows grow by what is queued."""
    if not rows:
        return
    made = [
        {
            "flow_id": row.flow_id, "message_id": row.message_id, "client_id": row.client_id, "address": row.address,
            "state": row.state, "due": now, "queued_at": now, "last_words": row.words, "reason": row.reason,
            "settled_at": None if row.state is State.QUEUED else now,
        }
        for row in rows
    ]  # fmt: skip
    tx.execute(insert(recipients), made)
    flows.grow(tx, Counter(row.flow_id for row in rows if row.state is State.QUEUED))


def claim(tx: Connection, worker: int, flow_ids: Collection[int], limit: int, now: datetime) -> list[Claimed]:
    """Mark up to `limit` due rows of these flows INFLIGHT for this incarnation."""
    asked = {"worker": worker, "flows": list(flow_ids), "now": now, "limit": limit}
    found = tx.execute(_CLAIMS[tx.dialect.name], asked).all()
    claimed = [Claimed(*row) for row in found]
    taken = Counter(row.flow_id for row in claimed)
    # A flow that promised more than it had is corrected too, or it would be asked again at once.
    flows.refresh(tx, {flow: -taken[flow] for flow in flow_ids})
    return claimed


def settle(tx: Connection, worker: int, settlements: Sequence[Settlement], now: datetime) -> set[int]:
    """Save the outcomes of claimed rows in one transaction; the ids of those that were still this worker's.

    A row that a DSN or an operator has moved meanwhile is left as it is.
    """
    ids = sorted(settlement.recipient_id for settlement in settlements)
    mine = {
        row.id: (row.attempts, row.due) for row in tx.execute(_MINE.with_for_update(), {"ids": ids, "worker": worker})
    }
    valid = sorted((one for one in settlements if one.recipient_id in mine), key=lambda one: one.recipient_id)
    if valid:
        tx.execute(_SETTLE, [_settled(one, *mine[one.recipient_id], now) for one in valid])
    flows.refresh(tx, Counter(one.flow_id for one in valid if _target(one) is State.QUEUED))
    counters.add(tx, _counted(valid, now))
    for one in valid:
        if one.client_id is not None and one.effect is not Effect.NONE and one.event in (Event.FAIL, Event.EXPIRE):
            cause = Cause(one.project_id, one.client_id, one.recipient_id, None, one.reason, one.words)
            judge(tx, cause, one.effect, now)
    return set(mine)


def _target(settlement: Settlement) -> State:
    return MOVES[State.INFLIGHT, settlement.event]


def _settled(one: Settlement, attempts: int, due: datetime, now: datetime) -> dict[str, object]:
    target = _target(one)
    return {
        "recipient": one.recipient_id, "to_state": target, "to_due": one.due or due,
        "tried": attempts + (1 if one.tried else 0),
        "source": one.source, "code": one.code, "words": one.words or None, "why": one.reason,
        "settled": None if target is State.QUEUED else now,
    }  # fmt: skip


def _counted(settlements: Sequence[Settlement], now: datetime) -> Counter[counters.Key]:
    changes: Counter[counters.Key] = Counter()
    for one in settlements:
        if one.tried and one.warming:
            changes["warmup", now.date().toordinal(), one.warming] += 1
        if one.tried and one.event in (Event.DELIVER, Event.FAIL, Event.EXPIRE):
            about = breakers.About(one.project_id, one.sender_id, one.campaign_id, one.provider)
            changes.update(breakers.sent(about, one.effect is Effect.BLOCK, now))
        if one.campaign_id is not None:
            for name in _names(one):
                changes["campaign", one.campaign_id, name] += 1
    return changes


def _names(one: Settlement) -> list[str]:
    target = _target(one)
    if target is State.QUEUED:
        return ["deferrals"] if one.tried else []
    names = [f"state.{target.value}"]
    if one.reason is not None:
        names.append(f"reason.{target.value}.{one.reason.value}")
    if target is State.DELIVERED and one.source:
        names.append(f"source.{one.source}")
    return names


def message_of(connection: Connection, recipient_id: int) -> int | None:
    """The message of a ledger row, or None where the row has left after retention."""
    found = connection.execute(select(recipients.c.message_id).where(recipients.c.id == recipient_id)).first()
    return None if found is None else int(found.message_id)


def project_of(connection: Connection, recipient_id: int) -> int | None:
    """The project whose row this is."""
    owner = select(messages.c.project_id).join(recipients, recipients.c.message_id == messages.c.id)
    found = connection.execute(owner.where(recipients.c.id == recipient_id)).first()
    return None if found is None else int(found.project_id)
