"""Which flows have something due: what promotion chooses from, never a scan of the ledger.

Read by class, the longest waiting first, because the classes do not wait for one another: however many flows of
campaigns stand before it, the one of a transactional mail is seen. `due` gives the head of each class, `behind` a
further page of one. A flow in the slot flows.UNASKED is in nobody's slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, literal, or_, select, union_all

from policy.fairness import CLASSES
from store.flows import Flow
from store.schema import OPEN_FLOW, campaigns, flows

_FLOW = (
    flows.c.id,
    flows.c.project_id,
    flows.c.stream,
    flows.c.stream_id,
    flows.c.site,
    flows.c["class"].label("retry"),
    flows.c.pool,
    flows.c.queued,
    flows.c.next_due,
)
# A paused or cancelled campaign's flows are not offered, so nothing has to touch its rows to stop it.
_RUNNING = or_(flows.c.stream != "campaign", campaigns.c.state == "running")
_OPEN = (
    select(*_FLOW)
    .select_from(flows.outerjoin(campaigns, and_(flows.c.stream == "campaign", campaigns.c.id == flows.c.stream_id)))
    .where(OPEN_FLOW, flows.c.next_due <= bindparam("now"), flows.c.slot.in_(bindparam("slots", expanding=True)))
    .where(_RUNNING, or_(flows.c.stopped_until.is_(None), flows.c.stopped_until <= bindparam("now")))
    .where((flows.c.pool + " " + flows.c.site).not_in(bindparam("resting", expanding=True)))
    .order_by(flows.c.next_due, flows.c.id)
    .limit(bindparam("limit"))
)


def _head(name: str) -> Select[Any]:
    return select(_OPEN.where(flows.c["class"] == literal(name, literal_execute=True)).subquery())


_HEADS: Final = union_all(*(_head(name) for name in CLASSES))
_BEHIND: Final = _OPEN.where(
    flows.c["class"] == bindparam("class"),
    flows.c.next_due >= bindparam("due"),
    or_(flows.c.next_due > bindparam("due"), flows.c.id > bindparam("flow")),
)


def due(
    connection: Connection, slots: Sequence[int], now: datetime, limit: int, resting: Sequence[str] = ()
) -> list[Flow]:
    """Up to `limit` flows of each class in these slots; none of a "pool site" that rests."""
    asked = {"now": now, "slots": list(slots), "limit": limit, "resting": list(resting)}
    return [Flow(*row) for row in connection.execute(_HEADS, asked)]


def behind(
    connection: Connection, last: Flow, slots: Sequence[int], now: datetime, limit: int, resting: Sequence[str] = ()
) -> list[Flow]:
    """The next flows of the class of `last`, behind it."""
    asked = {"now": now, "slots": list(slots), "limit": limit, "resting": list(resting)}
    place = {"class": last.retry, "due": last.next_due, "flow": last.id}
    return [Flow(*row) for row in connection.execute(_BEHIND, {**asked, **place})]
