"""Flows follow their domain to its site: those that waited for its MX, and those of a domain that changed its provider.

Called by the sender (mta/outbound/rollup.py) when the name servers told, or would not tell, where a domain's mail goes.
A flow takes the site's name and slot in one statement; where its stream has a flow there already its rows are moved
into that one, in batches. Rows in flight stay: they are on their way. Crash case: whole batches are moved; what is left
waits in its old flow, and is found again where that has no slot yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, case, select, update

from policy.fairness import CLASSES
from store.flows import UNASKED, refresh, slot_of
from store.schema import HELD, QUEUED, flows, recipients

BATCH: Final = 200

_URGENT: Final = case({name: place for place, name in enumerate(CLASSES)}, value=flows.c["class"], else_=len(CLASSES))
_WAITING: Final = (
    select(flows.c.site)
    .where(flows.c.slot == UNASKED, flows.c.queued > 0)
    .order_by(_URGENT, flows.c.id)
    .limit(bindparam("limit"))
)


def waiting(connection: Connection, limit: int) -> list[str]:
    """Domains that have rows waiting to learn their site, what somebody waits for first."""
    return list(dict.fromkeys(connection.execute(_WAITING, {"limit": limit}).scalars()))


def place(tx: Connection, told: Mapping[str, str]) -> list[tuple[int, int]]:
    """The flows of these domains go to the site told; those whose rows must be moved, with the flow to move them to."""
    left = []
    wanted = select(flows).where(flows.c.site.in_(sorted(told))).order_by(flows.c.id)
    for row in tx.execute(wanted.with_for_update()).all():
        site = told[row.site]
        other = None if site == row.site else _flow_there(tx, row, site)
        if other is None:
            if row.slot != slot_of(site):
                tx.execute(update(flows).where(flows.c.id == row.id).values(site=site, slot=slot_of(site)))
        elif row.queued or row.held:
            left.append((row.id, other))
    return left


def move_rows(tx: Connection, source: int, target: int) -> int:
    """Move a batch of queued or held rows from one flow into another; how many there were."""
    for waiting_so, held in ((QUEUED, False), (HELD, True)):
        some = select(recipients.c.id).where(recipients.c.flow_id == source, waiting_so).order_by(recipients.c.due)
        ids = tx.execute(some.limit(BATCH).with_for_update(skip_locked=True)).scalars().all()
        if ids:
            tx.execute(update(recipients).where(recipients.c.id.in_(ids)).values(flow_id=target))
            moved = {source: -len(ids), target: len(ids)}
            refresh(tx, dict.fromkeys(moved, 0) if held else moved, moved if held else {})
            return len(ids)
    return 0


def _flow_there(tx: Connection, row: Row[Any], site: str) -> int | None:
    same = (flows.c.stream == row.stream, flows.c.stream_id == row.stream_id, flows.c.site == site)
    return tx.execute(select(flows.c.id).where(*same)).scalar_one_or_none()
