"""The queue as people look at it: flows with what waits in each, never a scan of the ledger.

Called by admin. One row a flow: (stream of a project, site).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from store.schema import flows


@dataclass(frozen=True, slots=True)
class Waiting:
    """`stream` and `stream_id` name a campaign or a connection."""

    flow: int
    project: int
    stream: str
    stream_id: int
    site: str
    retry: str
    pool: str
    queued: int
    next_due: datetime


def waiting(
    connection: Connection, project: int | None, campaign: int | None, site: str | None, limit: int
) -> list[Waiting]:
    """The fullest first; None leaves that filter out."""
    wanted = select(flows).where(flows.c.queued > 0)
    if project is not None:
        wanted = wanted.where(flows.c.project_id == project)
    if campaign is not None:
        wanted = wanted.where(flows.c.stream == "campaign", flows.c.stream_id == campaign)
    if site is not None:
        wanted = wanted.where(flows.c.site == site)
    rows = connection.execute(wanted.order_by(flows.c.queued.desc(), flows.c.id).limit(limit))
    return [_waiting(row) for row in rows]


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
        next_due=row.next_due,
    )
