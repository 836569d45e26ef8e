"""The incarnations of sender processes, each with its heartbeat: what makes a claim live.

A claim names an incarnation, so one row per process renews them all and no slow but legal SMTP transaction can
outlive a lease. Who cannot renew sends no further final dot (mta/outbound/fence.py). Crash cases: a process that dies
is followed by one of the same place, which frees its claims at once; a node that dies runs out of heartbeats, and
any other frees them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from store.schema import INFLIGHT, recipients, workers

LIFE: Final = timedelta(seconds=15)  # without a heartbeat for so long an incarnation is dead

_REGISTER = insert(workers)
_BEAT = update(workers).where(workers.c.id == bindparam("worker")).values(heartbeat_at=bindparam("now"))
_COUNT_FREED = text(
    "UPDATE flows SET queued = queued + freed.n, next_due = 0 FROM (SELECT flow_id, COUNT(*) AS n FROM recipients "
    "WHERE claimed_by = :worker AND state = 'inflight' GROUP BY flow_id ORDER BY flow_id) AS freed "
    "WHERE flows.id = freed.flow_id"
)
_FREE = text(
    "UPDATE recipients SET state = 'queued', claimed_by = NULL WHERE claimed_by = :worker AND state = 'inflight'"
)


def register(tx: Connection, role: str, node: str, position: int, now: datetime) -> int:
    """A new incarnation at this place of this node; the claims of its predecessors there are freed."""
    place = (workers.c.role == role, workers.c.node == node, workers.c.position == position)
    for (predecessor,) in tx.execute(select(workers.c.id).where(*place)).all():
        _bury(tx, predecessor)
    born = {"role": role, "node": node, "position": position, "started_at": now, "heartbeat_at": now}
    (worker,) = tx.execute(_REGISTER.values(born).returning(workers.c.id)).one()
    return int(worker)


def beat(tx: Connection, worker: int, now: datetime) -> bool:
    """Renew; False where another has already buried this incarnation and freed its claims."""
    return tx.execute(_BEAT, {"worker": worker, "now": now}).rowcount == 1


def bury_dead(tx: Connection, now: datetime) -> int:
    """Free the claims of every incarnation whose heartbeat has run out; how many were dead."""
    dead = tx.execute(select(workers.c.id).where(workers.c.heartbeat_at < now - LIFE)).all()
    for (worker,) in dead:
        _bury(tx, worker)
    return len(dead)


def resign(tx: Connection, worker: int) -> None:
    """An orderly end: what is still claimed goes back, and the place is empty."""
    _bury(tx, worker)


def claimed(connection: Connection, worker: int) -> list[int]:
    """The ledger rows that an incarnation holds."""
    held = select(recipients.c.id).where(recipients.c.claimed_by == worker, INFLIGHT)
    return [row.id for row in connection.execute(held)]


def _bury(tx: Connection, worker: int) -> None:
    tx.execute(_COUNT_FREED, {"worker": worker})
    tx.execute(_FREE, {"worker": worker})
    tx.execute(delete(workers).where(workers.c.id == worker))
