"""The ledger: one row for each message and recipient. Claim, settle, and nothing else moves a row.

The moves are those of policy/lifecycle.py; each UPDATE repeats the states it may start from, so that two workers
cannot both win. Crash case of claim and settle: a worker that dies in between leaves INFLIGHT rows under its
incarnation, which its successor frees (store/workers.py): at worst a message is sent twice, with one Message-ID. What
a settlement has for consequence (rating, counters, a DSN to who submitted it, an operator's wish) is in its own
transaction, so there is none without it and none twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, TextualSelect, bindparam, or_, select, text, update

from mail.dsn import enhanced_in
from mail.outcome import Action, Effect, Reason
from policy.lifecycle import MOVES, Event, State, sources_of
from store import breakers, counters, flows, hand, reports, workers
from store.columns import Moment, OneOf
from store.consequences import Cause, judge
from store.reports import Told
from store.schema import recipients

_CLAIM = text(
    "UPDATE recipients SET state = 'inflight', claimed_by = :worker WHERE state = 'queued' AND id {among}("
    "SELECT id FROM recipients WHERE flow_id IN :flows AND state = 'queued' AND due <= :now "
    "ORDER BY flow_id, due LIMIT :limit{lock}) RETURNING id, flow_id, message_id, client_id, address, attempts, "
    "queued_at, last_source, reason"
)
_COLUMNS: Final[dict[str, Any]] = {"queued_at": Moment(), "reason": OneOf(Reason)}


def _claim_statement(among: str, lock: str) -> TextualSelect:
    return (
        text(_CLAIM.text.format(among=among, lock=lock))
        .bindparams(bindparam("flows", expanding=True), bindparam("now", type_=Moment()))
        .columns(**_COLUMNS)
    )


_CLAIMS: Final = {
    "sqlite": _claim_statement("IN ", ""),
    # An array is made once. Behind IN the planner may run the choice again for each row, and each time other rows are
    # free: ten were claimed where six were asked for.
    "postgresql": _claim_statement("= ANY (ARRAY", " FOR UPDATE SKIP LOCKED)"),
}
# One comparison a state: an IN list cannot be sent for many rows at once.
_SETTLEABLE = or_(*(recipients.c.state == state for state in sources_of(Event.DELIVER)))
_SETTLE = (
    update(recipients)
    .where(recipients.c.id == bindparam("recipient"), _SETTLEABLE)
    .values(
        state=bindparam("to_state"), due=bindparam("to_due"), claimed_by=None, attempts=bindparam("tried"),
        last_source=bindparam("source"), last_code=bindparam("code"), last_words=bindparam("words"),
        reason=bindparam("why"), settled_at=bindparam("settled"), asked=None,
    )
)  # fmt: skip
_MINE: Select[Any] = (
    select(recipients.c.id, recipients.c.attempts, recipients.c.due, recipients.c.queued_at, recipients.c.asked)
    .where(
        recipients.c.id.in_(bindparam("ids", expanding=True)),
        recipients.c.state == State.INFLIGHT,
        recipients.c.claimed_by == bindparam("worker"),
    )
    .with_for_update()
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
class Share:
    """Up to `limit` rows of these flows together."""

    flow_ids: tuple[int, ...]
    limit: int


def claim_shares(tx: Connection, worker: int, shares: Sequence[Share], now: datetime) -> list[Claimed]:
    """Claim each share, without the flows that an operator holds just now; nothing for an incarnation that is buried.

    All flows are locked first, in the order of their ids: on PostgreSQL two that claim in their own order deadlock.
    """
    if not workers.living(tx, worker):
        return []
    running = flows.lock_running(tx, {flow for share in shares for flow in share.flow_ids}, now)
    left = [Share(tuple(flow for flow in share.flow_ids if flow in running), share.limit) for share in shares]
    return [row for share in left if share.flow_ids for row in claim(tx, worker, share.flow_ids, share.limit, now)]


def claim(tx: Connection, worker: int, flow_ids: Collection[int], limit: int, now: datetime) -> list[Claimed]:
    """Mark up to `limit` due rows of these flows INFLIGHT for this incarnation."""
    asked = {"worker": worker, "flows": list(flow_ids), "now": now, "limit": limit}
    found = tx.execute(_CLAIMS[tx.dialect.name], asked).all()
    claimed = [Claimed(*row) for row in found]
    taken = Counter(row.flow_id for row in claimed)
    # A flow that promised more than it had is corrected too, or it would be asked again at once.
    flows.refresh(tx, {flow: -taken[flow] for flow in flow_ids})
    return claimed


def settle(
    tx: Connection,
    worker: int,
    settlements: Sequence[Settlement],
    now: datetime,
    delay_warning: timedelta | None = None,
) -> set[int]:
    """Save the outcomes of claimed rows in one transaction; the ids of those that were still this worker's.

    A row that a DSN has moved meanwhile is left as it is; one that an operator has asked for goes on as he wants where
    it would be queued again. Who submitted a message hears of its failed recipients, and once of one that is deferred
    for longer than `delay_warning`.
    """
    ids = sorted(settlement.recipient_id for settlement in settlements)
    held = tx.execute(_MINE, {"ids": ids, "worker": worker}).all()
    mine = {row.id: row for row in held}
    valid = sorted((one for one in settlements if one.recipient_id in mine), key=lambda one: one.recipient_id)
    if valid:
        tx.execute(_SETTLE, [_settled(one, mine[one.recipient_id], now) for one in valid])
    flows.refresh(tx, Counter(one.flow_id for one in valid if _target(one) is State.QUEUED))
    counters.add(tx, _counted(valid, now))
    for one in valid:
        if one.client_id is not None and one.effect is not Effect.NONE and one.event in (Event.FAIL, Event.EXPIRE):
            cause = Cause(
                one.project_id, one.client_id, one.recipient_id, None, one.reason, one.words, one.code,
                enhanced_in(one.words),
            )  # fmt: skip
            judge(tx, cause, one.effect, now)
    old = {row.id for row in mine.values() if delay_warning is not None and now - row.queued_at >= delay_warning}
    reports.tell(tx, [told for one in valid if (told := _told(one, one.recipient_id in old))], now)
    _obey(tx, [mine[one.recipient_id] for one in valid if _target(one) is State.QUEUED], now)
    return set(mine)


def _told(one: Settlement, late: bool) -> Told | None:
    """What the sender of a submitted message is to hear; campaigns have their report."""
    if one.campaign_id is not None:
        return None
    if one.event in (Event.FAIL, Event.EXPIRE, Event.SUPPRESS):
        return Told(one.recipient_id, Action.FAILED, one.event, one.code, one.words)
    if one.event is Event.DEFER and late:
        return Told(one.recipient_id, Action.DELAYED, one.event, one.code, one.words)
    return None


def _obey(tx: Connection, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Rows that came out of flight queued and that an operator had asked for meanwhile."""
    for event in (Event.HOLD, Event.CANCEL):
        if asked := [row.id for row in rows if row.asked == event.value]:
            hand.move(tx, event, asked, now)


def _target(settlement: Settlement) -> State:
    return MOVES[State.INFLIGHT, settlement.event]


def _settled(one: Settlement, row: Row[Any], now: datetime) -> dict[str, object]:
    target = _target(one)
    return {
        "recipient": one.recipient_id, "to_state": target, "to_due": one.due or row.due,
        "tried": row.attempts + (1 if one.tried else 0),
        "source": one.source, "code": one.code, "words": one.words or None, "why": one.reason,
        "settled": None if target is State.QUEUED else now,
    }  # fmt: skip


def _counted(settlements: Sequence[Settlement], now: datetime) -> Counter[counters.Key]:
    changes: Counter[counters.Key] = Counter()
    ended: Counter[tuple[breakers.About, bool]] = Counter()
    for one in settlements:
        if one.tried and one.warming:
            changes["warmup", now.date().toordinal(), one.warming] += 1
        if one.tried and one.event in (Event.DELIVER, Event.FAIL, Event.EXPIRE):
            about = breakers.About(one.project_id, one.sender_id, one.campaign_id, one.provider)
            ended[about, one.effect is Effect.BLOCK] += 1
        if one.campaign_id is not None:
            for name in _names(one):
                changes["campaign", one.campaign_id, name] += 1
    for (about, hard), count in ended.items():
        for key, once in breakers.sent(about, hard, now).items():
            changes[key] += once * count
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
