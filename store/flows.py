"""Flows: (stream, site) with what is queued and when the next is due. `queue` and the sender read flows, not rows.

A stream is a campaign or a connection of a project, or the DSNs to the sender of a connection. A site belongs on each
node to exactly one sender process, by the slot that its name hashes to; a domain that nobody asked about has none, so
that its rows do not go beside the limits of a provider that it may turn out to be of (store/roll_up.py). `next_due` may
be too early (a look that finds nothing mends it), never too late. `stopped_until` keeps a flow from being offered while
an operator's hold goes over its rows (store/hand.py).
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, or_, select, text

from store.among import Among
from store.columns import from_microseconds, to_microseconds
from store.prepared import Prepared
from store.schema import flows

SLOTS: Final = 64
UNASKED: Final = -1  # the slot of flows to a domain whose MX nobody asked for yet; nobody claims from it

_ENSURE = text(
    "INSERT INTO flows (project_id, stream, stream_id, site, slot, class, pool, queued, next_due) "
    "VALUES (:project_id, :stream, :stream_id, :site, CASE WHEN EXISTS (SELECT 1 FROM sites WHERE domain = :site "
    "AND checked_at = 0) THEN -1 ELSE CAST(:slot AS BIGINT) END, :class, :pool, 0, 0) "
    "ON CONFLICT (stream, stream_id, site) DO NOTHING"
)
_GROW = Prepared(text("UPDATE flows SET queued = queued + :added, next_due = 0 WHERE id = :flow"))
_REFRESH = Prepared(
    text(
        "UPDATE flows SET queued = queued + :added, held = held + :held, next_due = COALESCE((SELECT due FROM "
        "recipients WHERE flow_id = flows.id AND state = 'queued' ORDER BY due LIMIT 1), next_due) WHERE id = :flow"
    )
)
_OF = select(flows.c.site, flows.c.id).where(
    flows.c.stream == bindparam("stream"),
    flows.c.stream_id == bindparam("stream_id"),
    flows.c.site.in_(bindparam("sites", expanding=True)),
)
_UNSTOPPED = or_(flows.c.stopped_until.is_(None), flows.c.stopped_until <= bindparam("now"))
_LOCK = Prepared(select(flows.c.id).where(Among(flows.c.id, "ids"), _UNSTOPPED).order_by(flows.c.id).with_for_update())

_NONE: Final[Mapping[int, int]] = {}


_LONGEST_DUE = text(
    "SELECT MIN((SELECT due FROM recipients WHERE flow_id = flows.id AND state = 'queued' ORDER BY due LIMIT 1)) "
    "FROM flows WHERE queued > 0 AND next_due <= :now"
)
_OLDEST_DUE = text(
    "SELECT class, MIN((SELECT due FROM recipients WHERE flow_id = flows.id AND state = 'queued' ORDER BY due LIMIT 1))"
    " AS due FROM flows WHERE queued > 0 AND next_due <= :now GROUP BY class"
)
_TOTALS = text("SELECT class, SUM(queued) AS queued, SUM(held) AS held FROM flows GROUP BY class")


@dataclass(frozen=True, slots=True)
class Stream:
    """Where rows come from: `kind` is that of schema.py's `stream`, `retry` the class of their retry plan."""

    project_id: int
    kind: str
    id: int
    retry: str
    pool: str


@dataclass(frozen=True, slots=True)
class Flow:
    id: int
    project_id: int
    stream: str
    stream_id: int
    site: str
    retry: str
    pool: str
    queued: int
    next_due: datetime


def slot_of(site: str) -> int:
    return zlib.crc32(site.encode()) % SLOTS


def ensure(tx: Connection, stream: Stream, sites: Collection[str]) -> dict[str, int]:
    """The flow of each site, made where it is new."""
    wanted = sorted(set(sites))
    if not wanted:
        return {}
    found = _of(tx, stream, wanted)
    fresh = [site for site in wanted if site not in found]
    if fresh:
        shared = {"project_id": stream.project_id, "stream": stream.kind, "stream_id": stream.id}
        routed = {"class": stream.retry, "pool": stream.pool}
        tx.execute(_ENSURE, [{**shared, **routed, "site": site, "slot": slot_of(site)} for site in fresh])
        found |= _of(tx, stream, fresh)
    return found


def _of(tx: Connection, stream: Stream, sites: Sequence[str]) -> dict[str, int]:
    asked = {"stream": stream.kind, "stream_id": stream.id, "sites": sites}
    return {row.site: row.id for row in tx.execute(_OF, asked)}


def grow(tx: Connection, added: Mapping[int, int]) -> None:
    """Rows that are due at once were added to these flows."""
    if added:
        _GROW.each(tx, [{"flow": flow, "added": count} for flow, count in sorted(added.items())])


def refresh(tx: Connection, added: Mapping[int, int], held: Mapping[int, int] = _NONE) -> None:
    """Rows were taken from (negative) or given back to these flows, queued or held: correct counts and next due."""
    changed = sorted({*added, *held})
    if changed:
        changes = [{"flow": flow, "added": added.get(flow, 0), "held": held.get(flow, 0)} for flow in changed]
        _REFRESH.each(tx, changes)


def lock_running(tx: Connection, ids: Collection[int], now: datetime) -> set[int]:
    """Those of these flows that no operator holds just now, locked in the order of their ids until the commit.

    So a hold either sees what is claimed, or the claim sees the hold.
    """
    return {flow for (flow,) in _LOCK.rows(tx, ids=sorted(ids), now=now)}


def longest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when the row that has been due longest is due; one look into the ledger's index for each due flow."""
    first = connection.execute(_LONGEST_DUE, {"now": to_microseconds(now)}).scalar()
    return None if first is None or first > to_microseconds(now) else from_microseconds(first)


def oldest_due(connection: Connection, now: datetime) -> dict[str, datetime]:
    """The same for each class of mail that has such a row."""
    found = connection.execute(_OLDEST_DUE, {"now": to_microseconds(now)})
    return {row[0]: from_microseconds(row.due) for row in found if row.due is not None}


def totals(connection: Connection) -> dict[str, tuple[int, int]]:
    """Queued and held rows of each class, as the flows count them."""
    return {row[0]: (int(row.queued), int(row.held)) for row in connection.execute(_TOTALS)}
