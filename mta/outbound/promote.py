"""Promotion: due rows of this process's sites are claimed and put into lanes, as many as the lanes have room for.

The egress source is chosen here, so that no row names one. What may not be sent any more (a campaign stopped, a
client blocked or without consent since) is settled instead. Crash case: claimed and not yet settled, see
store/ledger.py.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mail.address import parse_mailbox
from mail.outcome import Reason
from mta.outbound.compose import Recipe, Uncomposable
from mta.outbound.job import Done, Job
from mta.outbound.verdict import ended, returned
from policy.fairness import shares
from policy.lifecycle import Event
from policy.rotation import EgressSource, choose, of_pool
from role.context import Context
from store import campaigns, flows, ledger, outgoing
from store.campaigns import CampaignState

ROOM: Final = 300  # rows of one site in the lanes at once
FLOWS: Final = 500  # flows looked at in one round


@dataclass(frozen=True, slots=True)
class Promoted:
    """A claimed row with what was looked up for it; `addressee` None: its client is gone."""

    row: ledger.Claimed
    flow: flows.Flow
    addressee: outgoing.Addressee | None


def slots_of(context: Context) -> list[int]:
    """The slots of this process: of the sites that hash to them it is the only sender on this node."""
    return [slot for slot in range(flows.SLOTS) if slot % context.of == context.position]


def due_flows(context: Context, slots: Sequence[int]) -> list[flows.Flow]:
    with context.stores.core.database.read() as core:
        return flows.due(core, slots, datetime.now(UTC), FLOWS)


def claim(
    context: Context, worker: int, offered: Sequence[flows.Flow], load: dict[str, int], capacity: int
) -> list[Promoted]:
    """Claim a fair share of what the flows offer; blocks on the database."""
    room = {flow.site: ROOM - load.get(flow.site, 0) for flow in offered}
    chosen = shares(offered, room, capacity)
    if not chosen:
        return []
    now = datetime.now(UTC)
    by_id = {flow.id: flow for flow in offered}
    # Flows that are wholly taken need no limit of their own: one statement claims them together.
    whole = [flow for flow, count in chosen.items() if count >= by_id[flow].queued]
    parts = [([flow], count) for flow, count in chosen.items() if flow not in set(whole)]
    if whole:
        parts.append((whole, sum(chosen[flow] for flow in whole)))
    claimed = context.stores.core.journal.run(
        lambda tx: [row for ids, limit in parts for row in ledger.claim(tx, worker, ids, limit, now)]
    )
    with context.stores.core.database.read() as core:
        known = outgoing.addressees(core, {row.client_id for row in claimed if row.client_id is not None})
    return [Promoted(row, by_id[row.flow_id], known.get(row.client_id or 0)) for row in claimed]


def job_of(promoted: Promoted, recipe: Recipe | Uncomposable, sources: Sequence[EgressSource]) -> Job | Done:
    """The row as a job for its lane, or as settled where nothing may be sent."""
    row, flow, addressee = promoted.row, promoted.flow, promoted.addressee
    if isinstance(recipe, Uncomposable):
        return Done(_uncomposable(row, flow, str(recipe)))
    try:
        forward = parse_mailbox(row.address)
    except ValueError as error:
        return Done(ended(row, recipe, Event.FAIL, str(error), Reason.SYNTAXERROR))
    if recipe.state is not CampaignState.RUNNING:
        return Done(returned(row, recipe, "the campaign is not running"))
    if addressee is not None and (words := _suppressed(recipe, addressee)):
        return Done(ended(row, recipe, Event.SUPPRESS, words, Reason.SUPPRESSED))
    source = choose(of_pool(sources, flow.pool), row.last_source, random.random())
    return Job(row, recipe, forward, addressee.variables if addressee else {}, source, flow.site, flow.retry)


def _uncomposable(row: ledger.Claimed, flow: flows.Flow, words: str) -> ledger.Settlement:
    """A message that cannot be made today cannot be made tomorrow."""
    campaign = flow.stream_id if flow.stream == "campaign" else None
    return ledger.Settlement(
        row.recipient_id, row.flow_id, flow.project_id, campaign, row.client_id, Event.FAIL, tried=False,
        source=row.last_source, words=words, reason=Reason.CONTENTERROR,
    )  # fmt: skip


def _suppressed(recipe: Recipe, addressee: outgoing.Addressee) -> str | None:
    withdrawn = not addressee.withdrawn.isdisjoint({0, recipe.list_id})
    return campaigns.why_suppressed(addressee.rating, withdrawn)
