"""The incarnations of sender processes, each with its heartbeat: what makes a claim live.

A claim names an incarnation, so one row per process renews them all and no slow but legal SMTP transaction can
outlive a lease. Who cannot renew sends no further final dot (mta/outbound/fence.py). Crash cases: a process that dies
is followed by one of the same place, which frees its claims at once; a node that dies runs out of heartbeats, and
any other frees them. Each incarnation says itself how long it lives without a heartbeat, so that nodes with other
settings bury it neither too early nor too late; nobody buries himself. What an operator had asked for of its rows
is done in the transaction that frees them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, text, true, update

from policy.lifecycle import Event, State
from store import flows, hand
from store.prepared import Prepared
from store.schema import INFLIGHT, recipients, workers

LIFE: Final = timedelta(seconds=15)  # without a heartbeat for so long an incarnation is dead; `[outbound] heartbeat`

_ALWAYS = true()
_REGISTER = insert(workers)
_BEAT = update(workers).where(workers.c.id == bindparam("worker")).values(alive_until=bindparam("until"))
_LIVING = Prepared(select(workers.c.id).where(workers.c.id == bindparam("worker")).with_for_update(read=True))
_DEAD = select(workers.c.id).where(workers.c.alive_until < bindparam("now")).order_by(workers.c.id)
_COUNT_FREED = text(
    "UPDATE flows SET queued = queued + freed.n, next_due = 0 FROM (SELECT flow_id, COUNT(*) AS n FROM recipients "
    "WHERE claimed_by = :worker AND state = 'inflight' GROUP BY flow_id ORDER BY flow_id) AS freed "
    "WHERE flows.id = freed.flow_id"
)
_FREE = text(
    "UPDATE recipients SET state = 'queued', claimed_by = NULL WHERE claimed_by = :worker AND state = 'inflight'"
)


def register(tx: Connection, role: str, node: str, position: int, now: datetime, life: timedelta = LIFE) -> int:
    """A new incarnation at this place of this node; the claims of its predecessors there are freed."""
    place = (workers.c.role == role, workers.c.node == node, workers.c.position == position)
    for (predecessor,) in tx.execute(select(workers.c.id).where(*place)).all():
        _bury(tx, predecessor, now)
    born = {"role": role, "node": node, "position": position, "started_at": now, "alive_until": now + life}
    (worker,) = tx.execute(_REGISTER.values(born).returning(workers.c.id)).one()
    return int(worker)


def beat(tx: Connection, worker: int, now: datetime, life: timedelta = LIFE) -> bool:
    """Renew; False where another has already buried this incarnation and freed its claims."""
    return tx.execute(_BEAT, {"worker": worker, "until": now + life}).rowcount == 1


def living(tx: Connection, worker: int) -> bool:
    """Whether nobody has buried this incarnation, nor can before the commit: whoever claims asks first."""
    return _LIVING.row(tx, worker=worker) is not None


def bury_dead(tx: Connection, now: datetime, but: int | None = None) -> int:
    """Free the claims of every incarnation whose heartbeat has run out, `but` the caller's own; how many were dead."""
    return sum(_bury(tx, worker, now, workers.c.alive_until < now) for worker in dead(tx, now) if worker != but)


def dead(connection: Connection, now: datetime) -> list[int]:
    """The incarnations whose heartbeat has run out."""
    return list(connection.execute(_DEAD, {"now": now}).scalars())


def resign(tx: Connection, worker: int, now: datetime) -> None:
    """An orderly end: what is still claimed goes back, and the place is empty."""
    _bury(tx, worker, now)


def alive(connection: Connection, role: str, now: datetime) -> int:
    """How many processes of a role have a heartbeat that has not run out."""
    wanted = select(func.count()).select_from(workers).where(workers.c.role == role, workers.c.alive_until >= now)
    return int(connection.execute(wanted).scalar_one())


def bury_all(tx: Connection, now: datetime) -> int:
    """After a restore nobody who was alive then is: the claims of all are freed; how many there were."""
    return sum(_bury(tx, worker, now) for worker in tx.execute(select(workers.c.id)).scalars().all())


def nodes(connection: Connection, role: str) -> int:
    """How many nodes have a living process of a role; at least the caller's own."""
    wanted = select(func.count(workers.c.node.distinct())).where(workers.c.role == role)
    return max(1, int(connection.execute(wanted).scalar_one()))


def claimed(connection: Connection, worker: int) -> list[int]:
    """The ledger rows that an incarnation holds."""
    held = select(recipients.c.id).where(recipients.c.claimed_by == worker, INFLIGHT)
    return [row.id for row in connection.execute(held)]


def let_go(tx: Connection, worker: int, rows: Collection[int], now: datetime) -> int:
    """Give back rows that are claimed by this incarnation; how many were."""
    mine = select(recipients.c.id, recipients.c.flow_id, recipients.c.asked).where(
        recipients.c.id.in_(sorted(rows)), recipients.c.claimed_by == worker, INFLIGHT
    )
    found = tx.execute(mine.order_by(recipients.c.id).with_for_update()).all()
    ids = [row.id for row in found]
    tx.execute(update(recipients).where(recipients.c.id.in_(ids)).values(state=State.QUEUED, claimed_by=None))
    flows.refresh(tx, Counter(row.flow_id for row in found))
    for event in (Event.HOLD, Event.CANCEL):
        if asked := [row.id for row in found if row.asked == event.value]:
            hand.move(tx, event, asked, now)
    return len(ids)


def _bury(tx: Connection, worker: int, now: datetime, still: ColumnElement[bool] = _ALWAYS) -> bool:
    """False where another was quicker: two that free the same claims would count them twice."""
    if tx.execute(delete(workers).where(workers.c.id == worker, still)).rowcount != 1:
        return False
    wanted = hand.asked_of(tx, worker)
    tx.execute(_COUNT_FREED, {"worker": worker})
    tx.execute(_FREE, {"worker": worker})
    for event, ids in wanted.items():
        hand.move(tx, event, ids, now)
    return True
