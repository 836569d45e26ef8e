"""Promotion: due rows of this process's sites are claimed and put into lanes, as many as the lanes have room for.

The egress source is chosen here, so that no row names one. What may not be sent any more (a campaign stopped, a
client blocked or without consent since) is settled instead. Crash case: claimed and not yet settled, see
store/ledger.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from mail.address import parse_mailbox
from mail.outcome import Reason
from mta.outbound.compose import Recipe, Uncomposable
from mta.outbound.job import Done, Job
from mta.outbound.pacing import Pacing
from mta.outbound.reach import Reach
from mta.outbound.verdict import ended, returned
from mta.outbound.warming import Warming
from policy.fairness import shares
from policy.lifecycle import Event
from policy.rotation import EgressSource, choose, of_pool
from policy.sickness import OURS
from policy.suppression import why_suppressed
from role.context import Context
from store import flows, hand, ledger, outgoing
from store.campaigns import CampaignState

ROOM: Final = 300  # rows of one site in the lanes at once


@dataclass(frozen=True, slots=True)
class Promoted:
    """A claimed row and the flow that it came from."""

    row: ledger.Claimed
    flow: flows.Flow


def slots_of(context: Context) -> list[int]:
    """The slots of this process: of the sites that hash to them it is the only sender on this node."""
    return [slot for slot in range(flows.SLOTS) if slot % context.of == context.position]


def offers(offered: Sequence[flows.Flow], pacing: Pacing, slowed: Mapping[int, int]) -> list[flows.Flow]:
    """The flows as far as they may be promoted now: none whose pool rests at the site, little of a slowed campaign.

    `slowed`: what each slowed campaign has left for this moment.
    """
    left = dict(slowed)
    found = []
    for flow in offered:
        count = flow.queued
        if flow.stream == "campaign" and flow.stream_id in left:
            count = min(count, left[flow.stream_id])
            left[flow.stream_id] -= count
        if count and pacing.awake(flow.pool, flow.site):
            found.append(flow if count == flow.queued else replace(flow, queued=count))
    return found


def claim(
    context: Context,
    worker: int,
    offered: Sequence[flows.Flow],
    room: Mapping[str, int],
    capacity: int,
    most: int,
    slowed: Mapping[int, int],
) -> list[Promoted]:
    """Claim a fair share of what the flows offer; blocks on the database. Where it raises, nothing is claimed.

    `room`: rows that each site can take; `most`: what `capacity` is when nothing is held.
    """
    chosen = shares(offered, room, capacity, most)
    if not chosen:
        return []
    now = datetime.now(UTC)
    by_id = {flow.id: flow for flow in offered}
    # Flows that are wholly taken need no limit of their own: one statement claims them together.
    whole = {
        flow: count
        for flow, count in chosen.items()
        if count >= by_id[flow].queued and by_id[flow].stream_id not in slowed
    }
    parts = [ledger.Share((flow,), count) for flow, count in chosen.items() if flow not in whole]
    if whole:
        parts.append(ledger.Share(tuple(whole), sum(whole.values())))
    claimed = context.stores.core.journal.run(lambda tx: ledger.claim_shares(tx, worker, parts, now))
    return [Promoted(row, by_id[row.flow_id]) for row in claimed]


def asked_for(context: Context, worker: int) -> frozenset[int]:
    """The rows in this worker's hands that an operator wants back."""
    with context.stores.core.database.read() as core:
        return frozenset(row for rows in hand.asked_of(core, worker).values() for row in rows)


def addressees(context: Context, promoted: Sequence[Promoted]) -> dict[int, outgoing.Addressee]:
    """What is known of the clients of these rows, by id; who is gone is not in it."""
    with context.stores.core.database.read() as core:
        return outgoing.addressees(core, {one.row.client_id for one in promoted if one.row.client_id is not None})


def handed_back(promoted: Promoted, words: str) -> Done:
    """A claimed row that could not be made ready is queued again, or it would be ours until we die."""
    return Done(_untried(promoted.row, promoted.flow, Event.CLAIM_LOST, words, None))


def job_of(
    promoted: Promoted,
    addressee: outgoing.Addressee | None,
    recipe: Recipe | Uncomposable,
    pacing: Pacing,
    warming: Warming,
    reach: Reach,
) -> Job | Done:
    """The row as a job for its lane, or as settled where nothing may be sent; `addressee` None: its client is gone."""
    row, flow = promoted.row, promoted.flow
    if isinstance(recipe, Uncomposable):
        # A message that cannot be made today cannot be made tomorrow.
        return Done(_untried(row, flow, Event.FAIL, str(recipe), Reason.CONTENTERROR))
    try:
        forward = parse_mailbox(row.address)
    except ValueError as error:
        return Done(ended(row, recipe, Event.FAIL, str(error), Reason.SYNTAXERROR))
    if recipe.state is not CampaignState.RUNNING:
        return Done(returned(row, recipe, "the campaign is not running"))
    if addressee is not None and (words := _suppressed(recipe, addressee)):
        return Done(ended(row, recipe, Event.SUPPRESS, words, Reason.SUPPRESSED))
    fitting = partial(reach.fitting, domain=forward.ascii_domain, now=time.monotonic())
    source = _source(row, flow, pacing, warming, fitting)
    warming.taken(source.address, flow.site)
    key = warming.key(source.address, flow.site)
    return Job(
        row, recipe, forward, addressee.variables if addressee else {}, source, flow.site, flow.retry, flow.pool, key
    )  # fmt: skip


_Some = Callable[[Sequence[EgressSource]], Sequence[EgressSource]]


def _source(row: ledger.Claimed, flow: flows.Flow, pacing: Pacing, warming: Warming, fitting: _Some) -> EgressSource:
    """Of the pool's sources that are awake and can get there: not the one just refused for what it is, and warm.

    A deferred row stays with its source, also beyond a warm-up: from another it would be greylisted anew.
    """
    members = fitting(pacing.awake(flow.pool, flow.site) or of_pool(pacing.sources, flow.pool))
    last = row.last_source
    if row.last_reason in OURS:
        members = [one for one in members if one.address != last] or members
    known = [one for one in members if one.address == last]
    return choose(known or warming.within(members, flow.site), last, random.random())


def _untried(
    row: ledger.Claimed, flow: flows.Flow, event: Event, words: str, reason: Reason | None
) -> ledger.Settlement:
    """Settled without a recipe, so with what the flow knows."""
    campaign = flow.stream_id if flow.stream == "campaign" else None
    return ledger.Settlement(
        row.recipient_id, row.flow_id, flow.project_id, campaign, row.client_id, event, tried=False,
        source=row.last_source, words=words, reason=reason,
    )  # fmt: skip


def _suppressed(recipe: Recipe, addressee: outgoing.Addressee) -> str | None:
    withdrawn = not addressee.withdrawn.isdisjoint({0, recipe.list_id})
    return why_suppressed(addressee.rating, withdrawn)
