"""Who gets a campaign, fixed at launch, and the making and ending of their ledger rows.

The snapshot is the client ids sorted by site, packed 32,000 a chunk, written in the launch's own transaction. Rows are
made from it in batches, sorted by site (a claim then touches five times less of the file); the cursor (`expanded`)
moves in the transaction that makes them, so a crash between two batches neither repeats nor forgets anyone.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from mail.outcome import Reason
from policy.lifecycle import Event, State
from policy.suppression import why_suppressed
from store import counters, flows, hand, new_rows, segments
from store.campaigns import Campaign, CampaignState
from store.new_rows import NewRow
from store.schema import (
    HELD,
    QUEUED,
    campaign_snapshots,
    campaigns,
    clients,
    memberships,
    messages,
    recipients,
    senders,
    sites,
    suppressions,
)
from store.sites import OF_CLIENT

CHUNK: Final = 32_000
BATCH: Final = 200
SOON: Final = timedelta(seconds=20)  # rows are made so long before they are due, and no more than these outlive a pause


def selected(connection: Connection, campaign: Campaign) -> array[int]:
    """The client ids that a launch now would fix, sorted by site: `array("q")`, blocked ones included."""
    meets = segments.condition_of(connection, campaign.project_id, campaign.segment_id)
    wanted = select(clients.c.id).outerjoin(sites, sites.c.domain == clients.c.site).where(meets)
    if campaign.list_id is not None:
        on_list = memberships.c.list_id == campaign.list_id
        wanted = wanted.join(memberships, memberships.c.client_id == clients.c.id).where(on_list)
    return array("q", connection.execute(wanted.order_by(OF_CLIENT, clients.c.id)).scalars())


# A scheduled one that failed the gate when it fell due is paused, and launched by hand once it passes.
_UNLAUNCHED: Final = (CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.PAUSED)


def launch(tx: Connection, campaign: int, chosen: array[int], now: datetime) -> bool:
    """To RUNNING with the snapshot `chosen`; False where it was launched or cancelled already."""
    started = tx.execute(
        update(campaigns)
        .where(
            campaigns.c.id == campaign,
            campaigns.c.state.in_([state.value for state in _UNLAUNCHED]),
            campaigns.c.launched_at.is_(None),
        )
        .values(
            state=CampaignState.RUNNING.value,
            state_reason=None,
            recipients=len(chosen),
            expanded=0,
            launched_at=now,
            paced_from=now,
        )
    )
    if started.rowcount != 1:
        return False
    for chunk, start in enumerate(range(0, len(chosen), CHUNK)):
        packed = chosen[start : start + CHUNK].tobytes()
        tx.execute(insert(campaign_snapshots).values(campaign_id=campaign, chunk=chunk, client_ids=packed))
    _make_message(tx, campaign, now)
    return True


def snapshot_part(connection: Connection, campaign: Campaign, now: datetime, limit: int = BATCH) -> list[int]:
    """The next client ids that have no row yet and are due soon, of one chunk."""
    begun = now - (campaign.paced_from or now) + SOON
    limit = min(limit, campaign.sending.timetable.ready(begun, campaign.recipients) - campaign.expanded)
    if limit <= 0:
        return []
    chunk, offset = divmod(campaign.expanded, CHUNK)
    packed = connection.execute(
        select(campaign_snapshots.c.client_ids).where(
            campaign_snapshots.c.campaign_id == campaign.id, campaign_snapshots.c.chunk == chunk
        )
    ).scalar_one_or_none()
    if packed is None:
        return []
    ids: array[int] = array("q")
    ids.frombytes(packed)
    return list(ids[offset : offset + limit])


def expand(tx: Connection, campaign: Campaign, part: Sequence[int], now: datetime) -> bool:
    """Make the rows of `part` and move the cursor behind them; False where another has moved it already."""
    moved = update(campaigns).where(campaigns.c.id == campaign.id, campaigns.c.expanded == campaign.expanded)
    if tx.execute(moved.values(expanded=campaign.expanded + len(part))).rowcount != 1:
        return False
    newest = select(func.max(messages.c.id)).where(messages.c.campaign_id == campaign.id)
    message = tx.execute(newest).scalar_one()
    found = list(tx.execute(_expandable(campaign, part)))
    stream = flows.Stream(campaign.project_id, "campaign", campaign.id, "campaign", campaign.pool)
    flow_of = flows.ensure(tx, stream, [row.site for row in found])
    table, begun = campaign.sending.timetable, campaign.paced_from or now
    # By what is still there of the part: who was deleted leaves no gap behind.
    due = [begun + table.due(campaign.expanded + at, campaign.recipients) for at in range(len(found))]
    rows = [_row(campaign, int(message), flow_of[row.site], row, at) for row, at in zip(found, due, strict=True)]
    new_rows.add(tx, rows, now)
    _count_born(tx, campaign, rows)
    return True


def cancel_rows(tx: Connection, campaign: int, now: datetime, limit: int = BATCH) -> int:
    """End up to `limit` queued or held rows of a cancelled campaign; how many there were."""
    own = select(messages.c.id).where(messages.c.campaign_id == campaign)
    for waiting in (QUEUED, HELD):
        wanted = select(recipients.c.id).where(recipients.c.message_id.in_(own), waiting)
        ids = tx.execute(wanted.order_by(recipients.c.id).limit(limit)).scalars().all()
        if ids and (ended := hand.move(tx, Event.CANCEL, ids, now, "the campaign was cancelled")):
            return ended
    return 0


def _make_message(tx: Connection, campaign: int, now: datetime) -> None:
    own = select(campaigns.c.project_id, campaigns.c.content_version, senders.c.address).join(
        senders, senders.c.id == campaigns.c.sender_id
    )
    row = tx.execute(own.where(campaigns.c.id == campaign)).one()
    tx.execute(
        insert(messages).values(
            project_id=row.project_id, kind="campaign", campaign_id=campaign, content_version=row.content_version,
            reverse_path=row.address, created_at=now,
        )
    )  # fmt: skip


def _expandable(campaign: Campaign, part: Sequence[int]) -> Any:
    gone = exists().where(
        suppressions.c.client_id == clients.c.id, suppressions.c.list_id.in_([0, campaign.list_id or 0])
    )
    return (
        select(clients.c.id, clients.c.address, OF_CLIENT, clients.c.rating, gone.label("withdrawn"))
        .outerjoin(sites, sites.c.domain == clients.c.site)
        .where(clients.c.id.in_(part))
        .order_by(OF_CLIENT, clients.c.id)
    )


def _row(campaign: Campaign, message: int, flow: int, row: Row[Any], due: datetime) -> NewRow:
    state, words, reason = State.QUEUED, None, None
    if campaign.state is CampaignState.CANCELLED:
        state, words = State.CANCELLED, "the campaign was cancelled"
    elif words := why_suppressed(row.rating, row.withdrawn):
        state, reason = State.SUPPRESSED, Reason.SUPPRESSED
    return NewRow(flow, message, row.id, row.address, state, words, reason, due)


def _count_born(tx: Connection, campaign: Campaign, rows: Sequence[NewRow]) -> None:
    born: dict[counters.Key, int] = {}
    for row in rows:
        if row.state is not State.QUEUED:
            name = ("campaign", campaign.id, f"state.{row.state.value}")
            born[name] = born.get(name, 0) + 1
    counters.add(tx, born)
