"""What waits for each site by class and pool: the part of a lane that rows know, which name no source before they go.

Called by admin. Counted from flows, a small row each, and from the rows in flight by the index of claims; never a scan
of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from store.campaigns import CampaignState
from store.flows import UNASKED
from store.queue_view import chosen
from store.schema import HOLDING_FLOW, INFLIGHT, OF_NO_CAMPAIGN, OPEN_FLOW, campaigns, flows, recipients


@dataclass(frozen=True, slots=True)
class SiteQueue:
    """`queued` rows, of which `going` may go once a lane takes them: the others are a paused campaign's, wait until an
    operator's hand has gone over them, or until the domain's MX is known (`unasked`). `due`: the first that may go."""

    site: str
    retry: str
    pool: str
    queued: int = 0
    held: int = 0
    going: int = 0
    unasked: int = 0
    inflight: int = 0
    due: datetime | None = None


_KEY = (flows.c.site, flows.c["class"], flows.c.pool)
Key = tuple[str, str, str]


def by_site(
    connection: Connection, project: int | None, site: str | None, now: datetime, limit: int
) -> list[SiteQueue]:
    """The fullest first; None leaves that filter out."""
    mine = chosen(project, None, site)
    found = _waiting(connection, mine, now)
    for key, count in _in_flight(connection, mine).items():
        found[key] = replace(found.get(key, SiteQueue(*key)), inflight=count)
    fullest = sorted(found.values(), key=lambda one: (-one.queued - one.held - one.inflight, one.site, one.retry))
    return fullest[:limit]


def _waiting(connection: Connection, mine: list[ColumnElement[bool]], now: datetime) -> dict[Key, SiteQueue]:
    running = select(campaigns.c.id).where(campaigns.c.state == CampaignState.RUNNING.value)
    asked = flows.c.slot != UNASKED
    unstopped = or_(flows.c.stopped_until.is_(None), flows.c.stopped_until <= now)
    goes = and_(asked, unstopped, or_(OF_NO_CAMPAIGN, flows.c.stream_id.in_(running)))
    columns = (
        func.sum(flows.c.queued), func.sum(flows.c.held), func.sum(case((goes, flows.c.queued), else_=0)),
        func.sum(case((asked, 0), else_=flows.c.queued)),
        func.min(case((and_(goes, flows.c.queued > 0), flows.c.next_due))),
    )  # fmt: skip
    wanted = select(*_KEY, *columns).where(or_(OPEN_FLOW, HOLDING_FLOW), *mine).group_by(*_KEY)
    return {
        (row[0], row[1], row[2]): SiteQueue(
            row[0], row[1], row[2], queued=int(row[3]), held=int(row[4]), going=int(row[5]), unasked=int(row[6]),
            due=row[7],
        )
        for row in connection.execute(wanted)
    }  # fmt: skip


def _in_flight(connection: Connection, mine: list[ColumnElement[bool]]) -> dict[Key, int]:
    wanted = (
        select(*_KEY, func.count())
        .select_from(recipients)
        .join(flows, flows.c.id == recipients.c.flow_id)
        .where(INFLIGHT, recipients.c.claimed_by > 0, *mine)
        .group_by(*_KEY)
    )
    return {(row[0], row[1], row[2]): int(row[3]) for row in connection.execute(wanted)}
