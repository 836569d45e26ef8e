"""The queue as people look at it: flows with what waits in each, never a scan of the ledger.

Called by admin. One row a flow: (stream of a project, site). Ages are counted from rows, at most FLOW_ROWS of a flow
(those due first) in the FULLEST flows, and say how many were counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from store.schema import HOLDING_FLOW, OPEN_FLOW, QUEUED, flows, recipients

FULLEST: Final = 500
FLOW_ROWS: Final = 2_000
ALL_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """`stream` and `stream_id` name a campaign, a connection, or the DSNs of a connection."""

    flow: int
    project: int
    stream: str
    stream_id: int
    site: str
    retry: str
    pool: str
    queued: int
    held: int
    next_due: datetime


@dataclass(frozen=True, slots=True)
class SiteAges:
    """Queued rows of a site and, of the `counted` ones, how many were queued how long ago at most."""

    site: str
    queued: int
    held: int
    counted: int
    minutes_5: int = 0
    minutes_20: int = 0
    hour: int = 0
    hours_4: int = 0
    hours_12: int = 0
    day: int = 0
    older: int = 0


_AGES: Final = (
    ("minutes_5", timedelta(minutes=5)),
    ("minutes_20", timedelta(minutes=20)),
    ("hour", timedelta(hours=1)),
    ("hours_4", timedelta(hours=4)),
    ("hours_12", timedelta(hours=12)),
    ("day", timedelta(days=1)),
)


def waiting(
    connection: Connection, project: int | None, campaign: int | None, site: str | None, limit: int
) -> list[Waiting]:
    """The fullest first; None leaves that filter out."""
    wanted = select(flows).where(or_(OPEN_FLOW, HOLDING_FLOW), *_chosen(project, campaign, site))
    rows = connection.execute(wanted.order_by((flows.c.queued + flows.c.held).desc(), flows.c.id).limit(limit))
    return [_waiting(row) for row in rows]


def ages(
    connection: Connection, project: int | None, campaign: int | None, site: str | None, now: datetime
) -> list[SiteAges]:
    """The fullest site first."""
    by_site: dict[str, list[Waiting]] = {}
    for flow in waiting(connection, project, campaign, site, FULLEST):
        by_site.setdefault(flow.site, []).append(flow)
    left, found = ALL_ROWS, []
    for name, mine in by_site.items():
        bins = _bins(connection, mine, left, now)
        left -= bins.total()
        queued, held = sum(flow.queued for flow in mine), sum(flow.held for flow in mine)
        found.append(SiteAges(name, queued, held, bins.total(), **bins))
    return sorted(found, key=lambda one: -one.queued)


def _bins(connection: Connection, of_site: Sequence[Waiting], left: int, now: datetime) -> Counter[str]:
    bins: Counter[str] = Counter()
    for flow in of_site:
        limit = min(FLOW_ROWS, left - bins.total())
        if limit <= 0 or not flow.queued:
            continue
        wanted = select(recipients.c.queued_at).where(recipients.c.flow_id == flow.flow, QUEUED)
        for queued_at in connection.execute(wanted.order_by(recipients.c.due).limit(limit)).scalars():
            bins[next((name for name, age in _AGES if now - queued_at <= age), "older")] += 1
    return bins


def _chosen(project: int | None, campaign: int | None, site: str | None) -> list[ColumnElement[bool]]:
    found = []
    if project is not None:
        found.append(flows.c.project_id == project)
    if campaign is not None:
        found += [flows.c.stream == "campaign", flows.c.stream_id == campaign]
    if site is not None:
        found.append(flows.c.site == site)
    return found


def _waiting(row: Row[Any]) -> Waiting:
    return Waiting(
        flow=row.id,
        project=row.project_id,
        stream=row.stream,
        stream_id=row.stream_id,
        site=row.site,
        retry=row._mapping[flows.c["class"]],
        pool=row.pool,
        queued=row.queued,
        held=row.held,
        next_due=row.next_due,
    )
