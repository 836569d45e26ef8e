"""The clock's word on campaigns: launched when they fall due, finished when every recipient has a final state (K5, K6).

Crash case: each looks at what is committed and may be repeated.
"""

from __future__ import annotations

from datetime import datetime

from admin.acts import campaigns as acts
from admin.acts.gate import words_of
from admin.office import Office
from admin.refusals import ConflictError
from policy.launch_gate import IMPORTING, failing
from policy.sender_standing import Failing
from role.log import EventLog
from store import campaign_progress, campaigns, launch_facts
from store.campaigns import Campaign, CampaignState


def launch_due(office: Office, log: EventLog, now: datetime) -> None:
    """Scheduled campaigns whose time has come, through the gate again (K5)."""
    with office.read() as connection:
        scheduled = campaigns.in_states(connection, [CampaignState.SCHEDULED])
        due = [one for one in scheduled if one.due_at is not None and one.due_at <= now]
        judged = [(one, failing(launch_facts.gather(connection, one))) for one in due]
    for campaign, refused in judged:
        _launch_or_pause(office, log, campaign, refused)


def _launch_or_pause(office: Office, log: EventLog, campaign: Campaign, refused: list[Failing]) -> None:
    if any(one.name == IMPORTING for one in refused):
        return  # it waits for the end of the import and is judged then (L2)
    if refused:
        words = words_of(refused)
        office.write(lambda tx: campaigns.move(tx, campaign.id, CampaignState.PAUSED, words))
        log.warning("campaign paused when due", campaign=campaign.id, reasons=words)
        return
    try:
        acts.start(office, campaign)
    except ConflictError as error:
        log.warning("campaign not started", campaign=campaign.id, reason=error.detail)


def finish_done(office: Office, log: EventLog) -> None:
    """Running campaigns whose every recipient has a final state."""
    with office.read() as connection:
        running = campaigns.in_states(connection, [CampaignState.RUNNING])
        done = [
            one
            for one in running
            if one.expanded >= one.recipients
            and campaign_progress.final_total(campaign_progress.counts(connection, one)) >= one.recipients
        ]
    for campaign in done:
        if _finish(office, campaign):
            log.info("campaign finished", campaign=campaign.id, recipients=campaign.recipients)


def _finish(office: Office, campaign: Campaign) -> bool:
    now = office.now()
    return office.write(lambda tx: campaign_progress.finish_done(tx, campaign, now))
