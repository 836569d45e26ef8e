"""Makes ledger rows of running campaigns, batch by batch, and ends those of cancelled ones.

Each campaign belongs to one sender process by its id. A batch and its cursor are one transaction
(store.expansion.expand), so a crash between two batches neither repeats nor forgets anyone. Blocking: run on a
thread.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Final

from role.context import Context
from store import campaign_progress, campaigns, expansion
from store.campaigns import Campaign, CampaignState

BATCHES: Final = 5  # of one campaign before the next has its turn


def inject(context: Context) -> int:
    """One round over this process's campaigns; how many rows were made or ended."""
    with context.stores.core.database.read() as core:
        running = [one for one in campaigns.in_states(core, [CampaignState.RUNNING]) if one.expanded < one.recipients]
        cancelled = campaigns.cancelling(core)
    mine = [one for one in (*running, *cancelled) if one.id % context.of == context.position]
    return sum(_advance(context, one) for one in mine)


def _advance(context: Context, campaign: Campaign) -> int:
    made = 0
    for _ in range(BATCHES):
        now = datetime.now(UTC)
        with context.stores.core.database.read() as core:
            fresh = campaigns.by_id(core, None, campaign.id)
            part = expansion.snapshot_part(core, fresh, now) if fresh else []
        if fresh is None or not part:
            break
        batch = partial(expansion.expand, campaign=fresh, part=part, now=now)
        context.stores.core.journal.run(batch)
        made += len(part)
    if campaign.state is CampaignState.CANCELLED and not made:
        return _cancel(context, campaign)
    return made


def _cancel(context: Context, campaign: Campaign) -> int:
    now = datetime.now(UTC)
    ended = context.stores.core.journal.run(lambda tx: expansion.cancel_rows(tx, campaign.id, now))
    if not ended:
        context.stores.core.journal.run(lambda tx: campaign_progress.close_cancelled(tx, campaign, now))
    return ended
