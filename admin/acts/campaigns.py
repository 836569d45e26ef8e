"""Campaigns: drafted, judged by the gate, launched or scheduled, paused, resumed, cancelled, followed (PRODUCT K)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from admin.acts.campaign_draft import Draft, check
from admin.acts.gate import refuse
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, NotFoundError
from policy.launch_gate import failing
from policy.sender_standing import Failing
from store import breakers, campaign_content, campaign_progress, campaigns, expansion, launch_facts, senders
from store.campaigns import Campaign, CampaignState


@dataclass(frozen=True, slots=True)
class CampaignLine:
    id: int
    name: str
    state: str
    recipients: int = 0
    launched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PartView:
    number: int
    begins_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignView:
    """`next_part`: the first that has not begun; `last_due`: when its last recipient is due at the earliest; None where
    it is not under way."""

    id: int
    name: str
    state: str
    state_reason: str | None
    recipients: int
    expanded: int
    counts: Mapping[str, int]
    due_at: datetime | None
    launched_at: datetime | None
    finished_at: datetime | None
    parts: int
    next_part: PartView | None
    last_due: datetime | None


@dataclass(frozen=True, slots=True)
class Launched:
    state: str


@dataclass(frozen=True, slots=True)
class RecipientView:
    id: int
    address: str
    client: int | None
    state: str
    reason: str | None
    attempts: int
    source: str | None
    last_words: str | None


def create(office: Office, project: int, draft: Draft) -> CampaignLine:
    """Raises InvalidError for content that could not be sent, NotFoundError for another's sender or list."""
    name = draft.name.strip()
    check(office, project, draft)
    now = office.now()

    def work(tx: Any) -> int:
        if senders.get(tx, project, draft.sender) is None:
            raise NotFoundError(f"this project has no sender {draft.sender}")
        return campaigns.create(
            tx, project, name, draft.sender, draft.list, draft.pool, draft.content, now,
            draft.sending, draft.segment,
        )  # fmt: skip

    return CampaignLine(office.write(work), name, CampaignState.DRAFT.value)


def draft_of(office: Office, project: int, campaign: int) -> Draft:
    """As it would be sent now. Raises NotFoundError."""
    with office.read() as connection:
        found = mine(connection, project, campaign)
        content = campaign_content.load(connection, found.id, found.content_version)
    return Draft(found.name, found.sender_id, found.list_id, found.pool, content, found.sending, found.segment_id)


def edit(office: Office, project: int, campaign: int, draft: Draft) -> None:
    """Raises what `create` raises, ConflictError for one that is no draft any more."""
    check(office, project, draft)

    def work(tx: Any) -> bool:
        mine(tx, project, campaign)
        if senders.get(tx, project, draft.sender) is None:
            raise NotFoundError(f"this project has no sender {draft.sender}")
        named = draft.name.strip()
        return campaigns.edit(
            tx, campaign, named, draft.sender, draft.list, draft.pool, draft.content, draft.sending, draft.segment
        )  # fmt: skip

    if not office.write(work):
        raise ConflictError(f"campaign {campaign} is no draft any more; make another")


def gate(office: Office, project: int, campaign: int) -> list[Failing]:
    """Every reason why it may not be launched now."""
    return judged(office, project, campaign)[0]


def judged(office: Office, project: int, campaign: int) -> tuple[list[Failing], int]:
    """What `gate` says, and of how many recipients, counted exactly."""
    with office.read() as connection:
        facts = launch_facts.gather(connection, mine(connection, project, campaign))
    return failing(facts), sum(facts.ratings.values())


def page(office: Office, project: int, window: Window) -> Page[CampaignLine]:
    """The newest first: the cursor goes down."""
    with office.read() as connection:
        rows = campaigns.of_project(connection, project, window.after or None, window.limit + 1)
    return page_of(rows, window, _line, lambda row: row.id)


def _line(row: campaigns.Campaign) -> CampaignLine:
    return CampaignLine(row.id, row.name, row.state.value, row.recipients, row.launched_at)


def get(office: Office, project: int, campaign: int) -> CampaignView:
    with office.read() as connection:
        found = mine(connection, project, campaign)
        counts = campaign_progress.counts(connection, found)
    return CampaignView(
        found.id, found.name, found.state.value, found.state_reason, found.recipients, found.expanded, counts,
        found.due_at, found.launched_at, found.finished_at, found.sending.timetable.parts, _next_part(found),
        _due(found, found.recipients - 1),
    )  # fmt: skip


def _due(found: Campaign, position: int) -> datetime | None:
    """When the recipient at `position` is due; None where nobody waits for that."""
    going = found.state is CampaignState.RUNNING and found.expanded < found.recipients
    if not going or found.paced_from is None or position >= found.recipients:
        return None
    return found.paced_from + found.sending.timetable.due(position, found.recipients)


def _next_part(found: Campaign) -> PartView | None:
    size = found.sending.timetable.part_size(found.recipients)
    behind = -(-found.expanded // size)  # parts that have begun
    begins = _due(found, behind * size)
    return None if begins is None else PartView(behind + 1, begins)


def report(office: Office, project: int, campaign: int) -> dict[str, Any]:
    with office.read() as connection:
        return campaign_progress.report(connection, mine(connection, project, campaign))


def recipients(office: Office, project: int, campaign: int, window: Window) -> Page[RecipientView]:
    with office.read() as connection:
        found = mine(connection, project, campaign)
        rows = campaign_progress.rows_of(connection, found.id, window.after, window.limit + 1)
    return page_of(rows, window, _recipient, lambda row: int(row.id))


def launch(office: Office, project: int, campaign: int, at: datetime | None) -> Launched:
    """Now, or scheduled for later; through the gate either way. Raises ConflictError with all failing reasons."""
    with office.read() as connection:
        found = mine(connection, project, campaign)
        _check_unlaunched(found)
        refused = failing(launch_facts.gather(connection, found))
    refuse(refused)
    if at is not None and at > office.now():
        due = at
        if not office.write(lambda tx: campaigns.schedule(tx, campaign, due)):
            raise ConflictError(f"campaign {campaign} is no draft any more")
        return Launched(CampaignState.SCHEDULED.value)
    start(office, found)
    return Launched(CampaignState.RUNNING.value)


def start(office: Office, found: Campaign) -> None:
    """Fix who gets it and let the sender begin; the gate has been passed. Raises ConflictError."""
    now = office.now()
    with office.read() as connection:
        chosen = expansion.selected(connection, found)
    if not office.write(lambda tx: expansion.launch(tx, found.id, chosen, now)):
        raise ConflictError(f"campaign {found.id} was launched or cancelled by someone else meanwhile")


def pause(office: Office, project: int, campaign: int) -> CampaignView:
    return _move(office, project, campaign, CampaignState.PAUSED, "by hand")


def resume(office: Office, project: int, campaign: int) -> CampaignView:
    """Go on with unsent mail, at full speed where a breaker slowed it.

    One that was paused before it was launched goes through the gate first.
    """
    with office.read() as connection:
        found = mine(connection, project, campaign)
    if found.state is CampaignState.PAUSED and found.launched_at is None:
        launch(office, project, campaign, None)
        return get(office, project, campaign)
    scopes = [("campaign", found.id), ("sender", found.sender_id), ("project", found.project_id)]
    if office.write(lambda tx: breakers.release(tx, scopes)) and found.state is CampaignState.RUNNING:
        return get(office, project, campaign)
    if not office.write(lambda tx: campaigns.resume(tx, found, office.now())):
        raise ConflictError(f"campaign {campaign} is {found.state.value}; it cannot become running")
    return get(office, project, campaign)


def cancel(office: Office, project: int, campaign: int) -> CampaignView:
    return _move(office, project, campaign, CampaignState.CANCELLED, "by hand")


def _move(office: Office, project: int, campaign: int, target: CampaignState, reason: str) -> CampaignView:
    with office.read() as connection:
        found = mine(connection, project, campaign)
    if not office.write(lambda tx: campaigns.move(tx, campaign, target, reason)):
        raise ConflictError(f"campaign {campaign} is {found.state.value}; it cannot become {target.value}")
    return get(office, project, campaign)


def mine(connection: Any, project: int, campaign: int) -> Campaign:
    """Raises NotFoundError."""
    found = campaigns.by_id(connection, project, campaign)
    if found is None:
        raise NotFoundError(f"this project has no campaign {campaign}")
    return found


def _check_unlaunched(found: Campaign) -> None:
    """A draft, or a scheduled one that was paused before its first message."""
    if found.launched_at is not None or found.state not in (CampaignState.DRAFT, CampaignState.PAUSED):
        raise ConflictError(f"campaign {found.id} is {found.state.value}; only a draft is launched")


def _recipient(row: Any) -> RecipientView:
    return RecipientView(
        id=row.id,
        address=row.address,
        client=row.client_id,
        state=row.state.value,
        reason=row.reason.value if row.reason else None,
        attempts=row.attempts,
        source=row.source,
        last_words=row.last_words,
    )
