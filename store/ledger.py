"""The ledger: one row for each message and recipient. Claim, settle, and nothing else moves a row.

The moves are those of policy/lifecycle.py; each UPDATE repeats the states it may start from, so that two workers
cannot both win. Crash case of claim and settle: a worker that dies in between leaves INFLIGHT rows under its
incarnation, which its successor frees (store/workers.py): at worst a message is sent twice, with one Message-ID. What
a settlement has for consequence (rating, counters, a DSN to who submitted it, an operator's wish) is in its own
transaction, so there is none without it and none twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, func, null, or_, select, text, update

from mail.dsn import enhanced_in
from mail.outcome import Action, Effect, Reason
from policy.lifecycle import MOVES, Event, State, sources_of
from store import breakers, counters, flows, hand, prepared, reports, workers
from store.among import Among
from store.columns import Count, Moment
from store.consequences import Cause, judge
from store.prepared import Prepared
from store.reports import Told
from store.schema import recipients

_CLAIM: Final = """
    UPDATE recipients SET state = 'inflight', claimed_by = :worker WHERE state = 'queued' AND id {chosen}
    RETURNING id, flow_id, message_id, client_id, address, attempts, queued_at, last_source, reason
"""


def _claiming(chosen: str) -> Prepared:
    told = (
        recipients.c.id, recipients.c.flow_id, recipients.c.message_id, recipients.c.client_id, recipients.c.address,
        recipients.c.attempts, recipients.c.queued_at, recipients.c.last_source, recipients.c.reason,
    )  # fmt: skip
    claim = text(_CLAIM.format(chosen=chosen)).bindparams(bindparam("now", type_=Moment()))
    return Prepared(claim.columns(*told))


# In both, `flows` are those of a share, as JSON. In the order of the index, so that a flow with a million queued rows
# costs no more than a small one.
_CLAIM_SHARE = _claiming("""IN (
    SELECT id FROM recipients WHERE flow_id IN (SELECT value FROM json_each(:flows)) AND state = 'queued'
    AND due <= :now ORDER BY flow_id, due LIMIT :most
)""")
# PostgreSQL has all shares in one statement: there each is a journey. An array is made once. Behind IN the planner may
# run the choice again for each row, and each time other rows are free: ten were claimed where six were asked for.
_CLAIM_SHARES = _claiming("""= ANY (ARRAY(
    SELECT chosen.id FROM unnest(CAST(:flows AS text[]), CAST(:most AS bigint[])) AS share(flows, most), LATERAL (
        SELECT mine.id FROM json_array_elements_text(CAST(share.flows AS json)) AS flow(id), LATERAL (
            SELECT id FROM recipients WHERE flow_id = CAST(flow.id AS bigint) AND state = 'queued' AND due <= :now
            ORDER BY due LIMIT share.most FOR UPDATE SKIP LOCKED
        ) AS mine LIMIT share.most
    ) AS chosen
))""")
# One comparison a state: an IN list cannot be sent for many rows at once.
_SETTLEABLE = or_(*(recipients.c.state == state for state in sources_of(Event.DELIVER)))
_SETTLE = Prepared(
    update(recipients)
    .where(recipients.c.id == bindparam("recipient"), _SETTLEABLE)
    .values(
        state=bindparam("to_state"), due=func.coalesce(bindparam("to_due", type_=Moment()), recipients.c.due),
        claimed_by=null(), attempts=recipients.c.attempts + bindparam("tried", type_=Count),
        last_source=bindparam("source"), last_code=bindparam("code"), last_words=bindparam("words"),
        reason=bindparam("why"), settled_at=bindparam("settled"), asked=null(),
    )
)  # fmt: skip
_MINE = Prepared(
    select(recipients.c.id, recipients.c.asked, recipients.c.queued_at <= bindparam("long_since"))
    .where(
        Among(recipients.c.id, "ids"),
        recipients.c.state == State.INFLIGHT,
        recipients.c.claimed_by == bindparam("worker"),
    )
    .with_for_update()
)
_AFTER: Final = {event: target for (state, event), target in MOVES.items() if state is State.INFLIGHT}


class Claimed(msgspec.Struct, frozen=True):
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


class Settlement(msgspec.Struct, frozen=True):
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
    """Mark the due rows of each share INFLIGHT for this incarnation, share by share; a flow stands in one of them.

    Without the flows that an operator holds just now; nothing for an incarnation that is buried. All flows are locked
    first, in the order of their ids: on PostgreSQL two that claim in their own order deadlock.
    """
    if not workers.living(tx, worker):
        return []
    running = flows.lock_running(tx, {flow for share in shares for flow in share.flow_ids}, now)
    left = [Share(tuple(flow for flow in share.flow_ids if flow in running), share.limit) for share in shares]
    claimed = [Claimed(*row) for row in _claimed(tx, worker, [share for share in left if share.flow_ids], now)]
    taken = Counter(row.flow_id for row in claimed)
    # A flow that promised more than it had is corrected too, or it would be asked again at once.
    flows.refresh(tx, {flow: -taken[flow] for flow in running})
    return claimed


def _claimed(tx: Connection, worker: int, shares: Sequence[Share], now: datetime) -> list[prepared.Row]:
    asked = [(msgspec.json.encode(sorted(share.flow_ids)).decode(), share.limit) for share in shares]
    if tx.dialect.name == "sqlite":
        each = (_CLAIM_SHARE.rows(tx, worker=worker, flows=ids, now=now, most=most) for ids, most in asked)
        return list(chain.from_iterable(each))
    every, limits = [ids for ids, _ in asked], [most for _, most in asked]
    found = _CLAIM_SHARES.rows(tx, worker=worker, flows=every, now=now, most=limits)
    place = {flow: at for at, share in enumerate(shares) for flow in share.flow_ids}
    return sorted(found, key=lambda row: place[row[1]])


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
    long_since = None if delay_warning is None else now - delay_warning
    ids = sorted(settlement.recipient_id for settlement in settlements)
    mine = {row[0]: row for row in _MINE.rows(tx, ids=ids, worker=worker, long_since=long_since)}
    valid = sorted((one for one in settlements if one.recipient_id in mine), key=lambda one: one.recipient_id)
    if valid:
        _SETTLE.each(tx, [_settled(one, now) for one in valid])
    queued = [one for one in valid if _AFTER[one.event] is State.QUEUED]
    flows.refresh(tx, Counter(one.flow_id for one in queued))
    counters.add(tx, _counted(valid, now))
    for one in valid:
        if one.client_id is not None and one.effect is not Effect.NONE and one.event in (Event.FAIL, Event.EXPIRE):
            cause = Cause(
                one.project_id, one.client_id, one.recipient_id, None, one.reason, one.words, one.code,
                enhanced_in(one.words),
            )  # fmt: skip
            judge(tx, cause, one.effect, now)
    late = {recipient for recipient, _, waited_long in mine.values() if waited_long}
    reports.tell(tx, [told for one in valid if (told := _told(one, one.recipient_id in late))], now)
    asked = {recipient: wish for recipient, wish, _ in mine.values() if wish}
    _obey(tx, {one.recipient_id: asked[one.recipient_id] for one in queued if one.recipient_id in asked}, now)
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


def _obey(tx: Connection, asked: Mapping[int, str], now: datetime) -> None:
    """Rows that came out of flight queued, by what an operator had asked for meanwhile."""
    for event in (Event.HOLD, Event.CANCEL):
        if ids := [recipient for recipient, wish in asked.items() if wish == event.value]:
            hand.move(tx, event, ids, now)


def _settled(one: Settlement, now: datetime) -> dict[str, object]:
    target = _AFTER[one.event]
    return {
        "recipient": one.recipient_id, "to_state": target, "to_due": one.due, "tried": 1 if one.tried else 0,
        "source": one.source, "code": one.code, "words": one.words or None, "why": one.reason,
        "settled": None if target is State.QUEUED else now,
    }  # fmt: skip


# Settlements that agree in these are counted together.
_ALIKE = attrgetter(
    "project_id", "campaign_id", "sender_id", "provider", "event", "tried", "source", "reason", "effect", "warming"
)


def _counted(settlements: Sequence[Settlement], now: datetime) -> Counter[counters.Key]:
    alike: dict[object, list[Settlement]] = defaultdict(list)
    for one in settlements:
        alike[_ALIKE(one)].append(one)
    changes: Counter[counters.Key] = Counter()
    for some in alike.values():
        for key, once in _counts(some[0], now).items():
            changes[key] += once * len(some)
    return changes


def _counts(one: Settlement, now: datetime) -> Counter[counters.Key]:
    changes: Counter[counters.Key] = Counter()
    if one.tried and one.warming:
        changes["warmup", now.date().toordinal(), one.warming] += 1
    if one.tried and one.event in (Event.DELIVER, Event.FAIL, Event.EXPIRE):
        about = breakers.About(one.project_id, one.sender_id, one.campaign_id, one.provider)
        changes.update(breakers.sent(about, one.effect is Effect.BLOCK, now))
    if one.campaign_id is not None:
        changes.update(("campaign", one.campaign_id, name) for name in _names(one))
    return changes


def _names(one: Settlement) -> list[str]:
    target = _AFTER[one.event]
    if target is State.QUEUED:
        return ["deferrals"] if one.tried else []
    names = [f"state.{target.value}"]
    if one.reason is not None:
        names.append(f"reason.{target.value}.{one.reason.value}")
    if target is State.DELIVERED and one.source:
        names.append(f"source.{one.source}")
    return names
