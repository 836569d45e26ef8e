"""Campaigns: their content by version, who gets them, their states, and the making of their ledger rows.

Who gets a campaign is fixed at launch as a snapshot of client ids sorted by site, packed 32,000 a chunk, written in
the launch's own transaction. Rows are made from it in batches, sorted by site; the cursor (`expanded`) moves in the
transaction that makes them, so a crash between two batches neither repeats nor forgets anyone.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from mail.outcome import Reason
from policy.lifecycle import FINAL, State
from policy.rating import blocked
from store import counters, flows, ledger
from store.schema import (
    INFLIGHT,
    QUEUED,
    campaign_attachments,
    campaign_contents,
    campaign_snapshots,
    campaigns,
    clients,
    memberships,
    messages,
    recipients,
    senders,
    suppressions,
)

CHUNK: Final = 32_000
BATCH: Final = 200


class CampaignState(Enum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str | None
    content_type: str
    content_id: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """One version of what a campaign says; `defaults` fill variables that a client does not have."""

    subject: str
    html: str
    text: str | None
    defaults: Mapping[str, Any]
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    id: int
    project_id: int
    name: str
    sender_id: int
    list_id: int
    pool: str
    state: CampaignState
    state_reason: str | None
    content_version: int
    recipients: int
    expanded: int
    due_at: datetime | None
    created_at: datetime
    launched_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shipped:
    """What the sender needs of the campaign behind a message, once for all its rows."""

    campaign_id: int
    project_id: int
    list_id: int
    state: CampaignState
    sender_address: str
    sender_name: str
    content: Content


_FIELDS = tuple(campaigns.c[name] for name in Campaign.__slots__ if name != "state")


def create(
    tx: Connection, project_id: int, name: str, sender_id: int, list_id: int, pool: str, content: Content, now: datetime
) -> int:
    """A draft; its content is version 1."""
    drafted = {
        "project_id": project_id, "name": name, "sender_id": sender_id, "list_id": list_id, "pool": pool,
        "state": CampaignState.DRAFT.value, "content_version": 1, "created_at": now,
    }  # fmt: skip
    campaign = int(tx.execute(insert(campaigns).values(drafted).returning(campaigns.c.id)).scalar_one())
    _save_content(tx, campaign, 1, content)
    return campaign


def by_id(connection: Connection, project_id: int | None, campaign: int) -> Campaign | None:
    """The campaign, where it is this project's (None: the operator asks)."""
    wanted = _select().where(campaigns.c.id == campaign)
    if project_id is not None:
        wanted = wanted.where(campaigns.c.project_id == project_id)
    found = connection.execute(wanted).first()
    return None if found is None else _campaign(found)


def of_project(connection: Connection, project_id: int, before: int | None, limit: int) -> list[Campaign]:
    """The newest first; `before` is the last id of the page above."""
    wanted = _select().where(campaigns.c.project_id == project_id).order_by(campaigns.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(campaigns.c.id < before)
    return [_campaign(row) for row in connection.execute(wanted)]


def in_states(connection: Connection, states: Sequence[CampaignState]) -> list[Campaign]:
    """Every project's campaigns in these states, for the clock and the sender."""
    wanted = _select().where(campaigns.c.state.in_([state.value for state in states])).order_by(campaigns.c.id)
    return [_campaign(row) for row in connection.execute(wanted)]


def selected(connection: Connection, list_id: int) -> array[int]:
    """The client ids that a launch now would fix, sorted by site: `array("q")`, blocked ones included."""
    wanted = (
        select(clients.c.id)
        .join(memberships, memberships.c.client_id == clients.c.id)
        .where(memberships.c.list_id == list_id)
        .order_by(clients.c.site, clients.c.id)
    )
    return array("q", connection.execute(wanted).scalars())


def rating_distribution(connection: Connection, list_id: int) -> dict[int, int]:
    """How many of the list have each rating: what the launch gate (K5) judges."""
    wanted = (
        select(clients.c.rating, func.count())
        .join(memberships, memberships.c.client_id == clients.c.id)
        .where(memberships.c.list_id == list_id)
        .group_by(clients.c.rating)
    )
    return {int(row[0]): int(row[1]) for row in connection.execute(wanted)}


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
            state=CampaignState.RUNNING.value, state_reason=None, recipients=len(chosen), expanded=0, launched_at=now
        )
    )
    if started.rowcount != 1:
        return False
    for chunk, start in enumerate(range(0, len(chosen), CHUNK)):
        packed = chosen[start : start + CHUNK].tobytes()
        tx.execute(insert(campaign_snapshots).values(campaign_id=campaign, chunk=chunk, client_ids=packed))
    _make_message(tx, campaign, now)
    return True


def schedule(tx: Connection, campaign: int, due_at: datetime) -> bool:
    """DRAFT to SCHEDULED; the clock launches it, through the gate again."""
    moved = update(campaigns).where(campaigns.c.id == campaign, campaigns.c.state == CampaignState.DRAFT.value)
    return tx.execute(moved.values(state=CampaignState.SCHEDULED.value, due_at=due_at)).rowcount == 1


_FROM: Final[Mapping[CampaignState, tuple[CampaignState, ...]]] = {
    CampaignState.PAUSED: (CampaignState.RUNNING, CampaignState.SCHEDULED),
    CampaignState.RUNNING: (CampaignState.PAUSED,),
    CampaignState.CANCELLED: (
        CampaignState.DRAFT,
        CampaignState.SCHEDULED,
        CampaignState.RUNNING,
        CampaignState.PAUSED,
    ),
}


def move(tx: Connection, campaign: int, target: CampaignState, reason: str | None) -> bool:
    """Pause, resume or cancel; False where its state does not allow that. Unsent mail follows within seconds."""
    moved = update(campaigns).where(
        campaigns.c.id == campaign, campaigns.c.state.in_([state.value for state in _FROM[target]])
    )
    if target is CampaignState.RUNNING:
        # What was never launched goes back to its schedule through the clock, not past the gate.
        moved = moved.where(campaigns.c.launched_at.is_not(None))
    return tx.execute(moved.values(state=target.value, state_reason=reason)).rowcount == 1


def cancelling(connection: Connection) -> list[Campaign]:
    """Cancelled campaigns that still have rows to end."""
    wanted = _select().where(campaigns.c.state == CampaignState.CANCELLED.value, campaigns.c.finished_at.is_(None))
    return [_campaign(row) for row in connection.execute(wanted)]


def close_cancelled(tx: Connection, campaign: Campaign, now: datetime) -> bool:
    """A cancelled campaign whose every recipient has a final state needs no more work."""
    if final_total(counts(tx, campaign)) < campaign.recipients:
        return False
    done = update(campaigns).where(campaigns.c.id == campaign.id, campaigns.c.finished_at.is_(None))
    return tx.execute(done.values(finished_at=now)).rowcount == 1


def snapshot_part(connection: Connection, campaign: Campaign, limit: int = BATCH) -> list[int]:
    """The next client ids that have no row yet, of one chunk."""
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
    message = tx.execute(select(messages.c.id).where(messages.c.campaign_id == campaign.id)).scalar_one()
    found = list(tx.execute(_expandable(campaign, part)))
    stream = flows.Stream(campaign.project_id, "campaign", campaign.id, "campaign", campaign.pool)
    flow_of = flows.ensure(tx, stream, [row.site for row in found])
    rows = [_row(campaign, int(message), flow_of[row.site], row) for row in found]
    ledger.add(tx, rows, now)
    _count_born(tx, campaign, rows)
    return True


def cancel_rows(tx: Connection, campaign: int, now: datetime, limit: int = BATCH) -> int:
    """End up to `limit` queued rows of a cancelled campaign; how many there were."""
    queued = (
        select(recipients.c.id, recipients.c.flow_id)
        .join(messages, messages.c.id == recipients.c.message_id)
        .where(messages.c.campaign_id == campaign, QUEUED)
        .order_by(recipients.c.id)
        .limit(limit)
        .with_for_update(of=recipients)
    )
    found = tx.execute(queued).all()
    if found:
        ids = [row.id for row in found]
        ended = update(recipients).where(recipients.c.id.in_(ids), recipients.c.state == State.QUEUED)
        tx.execute(ended.values(state=State.CANCELLED, settled_at=now, last_words="the campaign was cancelled"))
        taken: dict[int, int] = {}
        for row in found:
            taken[row.flow_id] = taken.get(row.flow_id, 0) - 1
        flows.refresh(tx, taken)
        counters.add(tx, {("campaign", campaign, f"state.{State.CANCELLED.value}"): len(found)})
    return len(found)


def finish_done(tx: Connection, campaign: Campaign, now: datetime) -> bool:
    """RUNNING to FINISHED once every recipient has a final state."""
    if campaign.expanded < campaign.recipients or final_total(counts(tx, campaign)) < campaign.recipients:
        return False
    done = update(campaigns).where(campaigns.c.id == campaign.id, campaigns.c.state == CampaignState.RUNNING.value)
    return tx.execute(done.values(state=CampaignState.FINISHED.value, finished_at=now)).rowcount == 1


def counts(connection: Connection, campaign: Campaign) -> dict[str, int]:
    """Recipients by state, summing up to `recipients`; who has no row yet counts as queued."""
    known = counters.of(connection, "campaign", campaign.id)
    by_state = {state.value: known.get(f"state.{state.value}", 0) for state in FINAL}
    by_state[State.HELD.value] = known.get("state.held", 0)
    by_state[State.INFLIGHT.value] = _inflight(connection, campaign.id)
    by_state[State.QUEUED.value] = campaign.recipients - sum(by_state.values())
    return by_state


def final_total(by_state: Mapping[str, int]) -> int:
    return sum(by_state[state.value] for state in FINAL)


def report(connection: Connection, campaign: Campaign) -> dict[str, Any]:
    """Counts, reasons by state, deferrals, and delivered by egress source."""
    known = counters.of(connection, "campaign", campaign.id)
    reasons: dict[str, dict[str, int]] = {}
    sources: dict[str, int] = {}
    for name, value in known.items():
        scope, _, rest = name.partition(".")
        if scope == "reason" and value:
            state, _, reason = rest.partition(".")
            reasons.setdefault(state, {})[reason] = value
        elif scope == "source":
            sources[rest] = value
    single = {name: known.get(name, 0) for name in ("deferrals", "complaints", "unsubscribes")}
    return {"counts": counts(connection, campaign), "reasons": reasons, "sources": sources, **single}


def rows_of(connection: Connection, campaign: int, after: int, limit: int) -> list[Row[Any]]:
    """Ledger rows behind id `after`: id, address, client_id, state, reason, attempts, source, last_words."""
    wanted = (
        select(
            recipients.c.id, recipients.c.address, recipients.c.client_id, recipients.c.state, recipients.c.reason,
            recipients.c.attempts, recipients.c.last_source.label("source"), recipients.c.last_words,
        )
        .join(messages, messages.c.id == recipients.c.message_id)
        .where(messages.c.campaign_id == campaign, recipients.c.id > after)
        .order_by(recipients.c.id)
        .limit(limit)
    )  # fmt: skip
    return list(connection.execute(wanted))


def shipped(connection: Connection, message_id: int) -> Shipped | None:
    """The campaign behind a message; None for a message that is no campaign's."""
    wanted = (
        select(
            campaigns.c.id, campaigns.c.project_id, campaigns.c.list_id, campaigns.c.state, senders.c.address,
            senders.c.display_name, messages.c.content_version,
        )
        .join(campaigns, campaigns.c.id == messages.c.campaign_id)
        .join(senders, senders.c.id == campaigns.c.sender_id)
        .where(messages.c.id == message_id)
    )  # fmt: skip
    row = connection.execute(wanted).first()
    if row is None:
        return None
    saved = content(connection, row.id, row.content_version)
    return Shipped(row.id, row.project_id, row.list_id, CampaignState(row.state), row.address, row.display_name, saved)


def content(connection: Connection, campaign: int, version: int) -> Content:
    """One version of what a campaign says; LookupError where it never was."""
    at = (campaign_contents.c.campaign_id == campaign, campaign_contents.c.version == version)
    saved = connection.execute(select(campaign_contents).where(*at)).first()
    if saved is None:
        raise LookupError(f"campaign {campaign} has no content of version {version}")
    octets = connection.execute(
        select(campaign_attachments.c.bytes)
        .where(campaign_attachments.c.campaign_id == campaign, campaign_attachments.c.version == version)
        .order_by(campaign_attachments.c.position)
    ).scalars()
    attachments = tuple(
        Attachment(**named, content=part) for named, part in zip(saved.attachments, octets, strict=True)
    )
    return Content(saved.subject, saved.html, saved.text, saved.defaults, attachments)


def _select() -> Any:
    return select(*_FIELDS, campaigns.c.state)


def _campaign(row: Row[Any]) -> Campaign:
    fields = dict(row._mapping)
    return Campaign(**{**fields, "state": CampaignState(fields["state"])})


def _save_content(tx: Connection, campaign: int, version: int, saved: Content) -> None:
    named = [
        {"filename": one.filename, "content_type": one.content_type, "content_id": one.content_id}
        for one in saved.attachments
    ]
    at = {"campaign_id": campaign, "version": version}
    words = {"subject": saved.subject, "html": saved.html, "text": saved.text}
    tx.execute(insert(campaign_contents).values(**at, **words, defaults=dict(saved.defaults), attachments=named))
    for position, one in enumerate(saved.attachments):
        tx.execute(insert(campaign_attachments).values(**at, position=position, bytes=one.content))


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
    gone = exists().where(suppressions.c.client_id == clients.c.id, suppressions.c.list_id.in_([0, campaign.list_id]))
    return (
        select(clients.c.id, clients.c.address, clients.c.site, clients.c.rating, gone.label("withdrawn"))
        .where(clients.c.id.in_(part))
        .order_by(clients.c.site, clients.c.id)
    )


def _row(campaign: Campaign, message: int, flow: int, row: Row[Any]) -> ledger.NewRow:
    state, words, reason = State.QUEUED, None, None
    if campaign.state is CampaignState.CANCELLED:
        state, words = State.CANCELLED, "the campaign was cancelled"
    elif words := why_suppressed(row.rating, row.withdrawn):
        state, reason = State.SUPPRESSED, Reason.SUPPRESSED
    return ledger.NewRow(flow, message, row.id, row.address, state, words, reason)


def why_suppressed(rating: int, withdrawn: bool) -> str | None:
    """Why nothing is sent to a client now, or None; consent comes before the rating."""
    if withdrawn:
        return "unsubscribed or complained"
    return "blocked: rating 1" if blocked(rating) else None


def _count_born(tx: Connection, campaign: Campaign, rows: Sequence[ledger.NewRow]) -> None:
    born: dict[counters.Key, int] = {}
    for row in rows:
        if row.state is not State.QUEUED:
            name = ("campaign", campaign.id, f"state.{row.state.value}")
            born[name] = born.get(name, 0) + 1
    counters.add(tx, born)


def _inflight(connection: Connection, campaign: int) -> int:
    """Rows of a campaign in workers' hands: few, and found by the ledger's partial index of claims."""
    wanted = (
        select(func.count())
        .select_from(recipients.join(messages, messages.c.id == recipients.c.message_id))
        .where(messages.c.campaign_id == campaign, INFLIGHT, recipients.c.claimed_by > 0)
    )
    return int(connection.execute(wanted).scalar_one())
