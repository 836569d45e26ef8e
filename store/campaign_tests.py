"""Test sends: a draft as its author's own mailbox gets it, through the queue like all mail (PRODUCT K2).

On `core`, in the caller's transaction. Called by admin. The row has no client and the message no campaign, so nothing
that comes of it touches a rating, a report or the draft's own counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from mail.address import Address
from policy.lifecycle import State
from store import flows, new_rows, sites
from store.injection import TEST
from store.new_rows import NewRow
from store.schema import campaign_contents, campaign_tests, campaigns, messages, recipients
from store.spool import Stored


@dataclass(frozen=True, slots=True)
class Trial:
    """What is sent: `sender` is its reverse-path, by whose domain it is signed."""

    project: int
    campaign: int
    sender: Address
    to: Address
    message_id: str
    subject: str
    stored: Stored
    pool: str


@dataclass(frozen=True, slots=True)
class Tried:
    row: int
    address: str
    subject: str
    at: datetime
    state: State
    words: str | None


def queue(tx: Connection, trial: Trial, now: datetime) -> int:
    """The id of its ledger row's message."""
    saved = insert(messages).values(
        project_id=trial.project, kind=TEST, reverse_path=str(trial.sender), message_id=trial.message_id,
        size_bytes=trial.stored.size_bytes, bytes=trial.stored.blob, file=trial.stored.file, created_at=now,
    )  # fmt: skip
    message = int(tx.execute(saved.returning(messages.c.id)).scalar_one())
    noted = {"message_id": message, "campaign_id": trial.campaign, "address": str(trial.to), "at": now}
    tx.execute(insert(campaign_tests).values(**noted, subject=trial.subject))
    # Somebody waits for it, so it goes before what campaigns queue.
    stream = flows.Stream(trial.project, TEST, trial.campaign, "transactional", trial.pool)
    new_rows.add(tx, [NewRow(sites.flow_to(tx, stream, trial.to.ascii_domain), message, None, str(trial.to))], now)
    return message


def of_campaign(tx: Connection, campaign: int, limit: int) -> list[Tried]:
    """The newest first, with what became of each."""
    wanted = (
        select(
            recipients.c.id, campaign_tests.c.address, campaign_tests.c.subject, campaign_tests.c.at,
            recipients.c.state, recipients.c.last_words,
        )
        .join(recipients, recipients.c.message_id == campaign_tests.c.message_id)
        .where(campaign_tests.c.campaign_id == campaign)
        .order_by(campaign_tests.c.message_id.desc())
        .limit(limit)
    )  # fmt: skip
    return [Tried(*row) for row in tx.execute(wanted)]


def count_since(tx: Connection, project: int, since: datetime) -> int:
    """How many the project has sent."""
    wanted = select(func.count()).select_from(campaign_tests).join(campaigns)
    return int(tx.execute(wanted.where(campaigns.c.project_id == project, campaign_tests.c.at >= since)).scalar_one())


def subjects(tx: Connection, campaign: int, project: int, list_id: int | None, limit: int) -> set[str]:
    """What inboxes have seen already: the draft's tests, the latest campaigns to the same list (or to none)."""
    mine = select(campaign_tests.c.subject).where(campaign_tests.c.campaign_id == campaign)
    tested = tx.execute(mine.order_by(campaign_tests.c.message_id.desc()).limit(limit)).scalars()
    version = (campaign_contents.c.campaign_id == campaigns.c.id) & (
        campaign_contents.c.version == campaigns.c.content_version
    )
    to_the_same = campaigns.c.list_id.is_not_distinct_from(list_id)
    same = (campaigns.c.project_id == project, to_the_same, campaigns.c.launched_at.is_not(None))
    sent = select(campaign_contents.c.subject).join(campaigns, version).where(*same, campaigns.c.id != campaign)
    return {*tested, *tx.execute(sent.order_by(campaigns.c.id.desc()).limit(limit)).scalars()}
