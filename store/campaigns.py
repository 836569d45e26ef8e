"""Campaigns and their states: draft, scheduled, running, paused, finished, cancelled.

What a campaign says is in store/campaign_content.py, who gets it and its ledger rows in store/expansion.py, how far it
is in store/campaign_progress.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from policy.timetable import AT_ONCE, Timetable
from store import campaign_content
from store.campaign_content import Content
from store.columns import from_microseconds, to_microseconds
from store.schema import campaigns

_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)


class CampaignState(Enum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Sending:
    """How it goes: `from_name` "" is the sender's own; `history`: whether it is kept in the clients' conversations.

    `part_times`: when the second part begins, the third, ...; a launched campaign's timetable has them as `starts`.
    """

    from_name: str = ""
    timetable: Timetable = AT_ONCE
    history: bool = True
    part_times: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """`paced_from`: when its timetable began, later by what it stood still; None before its launch."""

    id: int
    project_id: int
    name: str
    sender_id: int
    list_id: int | None
    segment_id: int | None
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
    paced_from: datetime | None
    sending: Sending


_OWN = {"state", "sending"}
_FIELDS = tuple(campaigns.c[name] for name in Campaign.__slots__ if name not in _OWN)
_SENDING = ("state", "from_name", "interval_ms", "parts", "part_every_seconds", "part_times", "keeps_history")


def create(
    tx: Connection,
    project_id: int,
    name: str,
    sender_id: int,
    list_id: int | None,
    pool: str,
    content: Content,
    now: datetime,
    sending: Sending = Sending(),
    segment_id: int | None = None,
) -> int:
    """A draft; its content is version 1. `list_id` None: to the project's clients; `segment_id`: to whom it means."""
    drafted = {
        "project_id": project_id, "name": name, "sender_id": sender_id, "list_id": list_id, "pool": pool,
        "state": CampaignState.DRAFT.value, "content_version": 1, "created_at": now,
        "segment_id": segment_id, **_columns(sending),
    }  # fmt: skip
    campaign = int(tx.execute(insert(campaigns).values(drafted).returning(campaigns.c.id)).scalar_one())
    campaign_content.save(tx, campaign, 1, content)
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


def in_state(connection: Connection, project_id: int, state: CampaignState, limit: int) -> list[Campaign]:
    """The project's newest of one state."""
    mine = (campaigns.c.project_id == project_id, campaigns.c.state == state.value)
    wanted = _select().where(*mine).order_by(campaigns.c.id.desc()).limit(limit)
    return [_campaign(row) for row in connection.execute(wanted)]


def in_states(connection: Connection, states: Sequence[CampaignState]) -> list[Campaign]:
    """Every project's campaigns in these states, for the clock and the sender."""
    wanted = _select().where(campaigns.c.state.in_([state.value for state in states])).order_by(campaigns.c.id)
    return [_campaign(row) for row in connection.execute(wanted)]


def edit(
    tx: Connection,
    campaign: int,
    name: str,
    sender_id: int,
    list_id: int | None,
    pool: str,
    content: Content,
    sending: Sending,
    segment_id: int | None,
) -> bool:
    """A draft as it shall be, its content as the next version; False where it is no draft any more."""
    draft = update(campaigns).where(campaigns.c.id == campaign, campaigns.c.state == CampaignState.DRAFT.value)
    values = {"name": name, "sender_id": sender_id, "list_id": list_id, "segment_id": segment_id, "pool": pool}
    counted = draft.values(**values, **_columns(sending), content_version=campaigns.c.content_version + 1)
    version = tx.execute(counted.returning(campaigns.c.content_version)).scalar_one_or_none()
    if version is None:
        return False
    campaign_content.save(tx, campaign, version, content)
    campaign_content.forget_before(tx, campaign, version)
    return True


def leave_segment(tx: Connection, segment: int) -> bool:
    """What was launched or ended needs it no more; False where a campaign that may still be launched goes to it."""
    waits = (campaigns.c.segment_id == segment, campaigns.c.launched_at.is_(None))
    ended = campaigns.c.state == CampaignState.CANCELLED.value
    if tx.execute(select(campaigns.c.id).where(*waits, ~ended).limit(1)).first() is not None:
        return False
    tx.execute(update(campaigns).where(campaigns.c.segment_id == segment).values(segment_id=None))
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


def resume(tx: Connection, campaign: Campaign, now: datetime) -> bool:
    """PAUSED to RUNNING; False where it is not paused. What was missed of its timetable does not go in one burst: the
    next recipient is due now, the others behind."""
    if not move(tx, campaign.id, CampaignState.RUNNING, None):
        return False
    own = update(campaigns).where(campaigns.c.id == campaign.id)
    if (moved := _begun_later(campaign, now)) is not None:
        tx.execute(own.values(part_times=_kept(moved)))
        return True
    behind = now - campaign.sending.timetable.due(campaign.expanded, campaign.recipients)
    if campaign.paced_from is not None and campaign.paced_from < behind:
        tx.execute(own.values(paced_from=behind))
    return True


def _begun_later(campaign: Campaign, now: datetime) -> tuple[datetime, ...] | None:
    """The parts' own times, that of the part it stands in as late as it is behind; None where no time has passed."""
    table, times = campaign.sending.timetable, campaign.sending.part_times
    part, within = divmod(campaign.expanded, table.part_size(campaign.recipients))
    if not 0 < part <= len(times):
        return None
    return (*times[: part - 1], max(times[part - 1], now - within * table.interval), *times[part:])


def _kept(times: Sequence[datetime]) -> list[int]:
    return [to_microseconds(one) for one in times]


def _columns(sending: Sending) -> dict[str, Any]:
    table = sending.timetable
    return {
        "from_name": sending.from_name, "keeps_history": sending.history, "parts": table.parts,
        "interval_ms": table.interval // _MILLISECOND, "part_every_seconds": table.every // _SECOND,
        "part_times": _kept(sending.part_times),
    }  # fmt: skip


def _select() -> Any:
    return select(*_FIELDS, *(campaigns.c[name] for name in _SENDING))


def _campaign(row: Row[Any]) -> Campaign:
    fields = dict(row._mapping)
    state, from_name, interval, parts, every, kept, history = (fields.pop(name) for name in _SENDING)
    times = tuple(from_microseconds(one) for one in kept)
    begun = fields["paced_from"]
    starts = tuple(one - begun for one in times) if begun else ()
    timetable = Timetable(interval * _MILLISECOND, parts, every * _SECOND, starts)
    sending = Sending(from_name, timetable, bool(history), times)
    return Campaign(**fields, state=CampaignState(state), sending=sending)
