"""The queue as people look at it: flows with what waits in each, never a scan of the ledger.

Called by admin; store/queue_shape.py counts ages. One row a flow: (stream of a project, site).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from store.schema import HOLDING_FLOW, OPEN_FLOW, flows, projects


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
class Holding:
    """A project with held rows."""

    project: int
    name: str
    held: int


def waiting(
    connection: Connection, project: int | None, campaign: int | None, site: str | None, limit: int
) -> list[Waiting]:
    """The fullest first; None leaves that filter out."""
    wanted = select(flows).where(or_(OPEN_FLOW, HOLDING_FLOW), *chosen(project, campaign, site))
    rows = connection.execute(wanted.order_by((flows.c.queued + flows.c.held).desc(), flows.c.id).limit(limit))
    return [as_waiting(row) for row in rows]


def holding(connection: Connection, limit: int) -> list[Holding]:
    """Those with the most first."""
    held = func.sum(flows.c.held).label("held")
    wanted = select(projects.c.id, projects.c.name, held).join_from(flows, projects).where(HOLDING_FLOW)
    rows = connection.execute(wanted.group_by(projects.c.id, projects.c.name).order_by(held.desc()).limit(limit))
    return [Holding(row.id, row.name, int(row.held)) for row in rows]


def chosen(project: int | None, campaign: int | None, site: str | None) -> list[ColumnElement[bool]]:
    """Of which flows; None leaves that filter out."""
    found = []
    if project is not None:
        found.append(flows.c.project_id == project)
    if campaign is not None:
        found += [flows.c.stream == "campaign", flows.c.stream_id == campaign]
    if site is not None:
        found.append(at_site(site))
    return found


def at_site(site: str) -> ColumnElement[bool]:
    """A site by its name, or all sites of a provider that has one for each domain ("example.org/mimecast")."""
    return or_(flows.c.site == site, flows.c.site.endswith(f"/{site}", autoescape=True))


def as_waiting(row: Row[Any]) -> Waiting:
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
