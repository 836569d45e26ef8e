"""From what a host answered to how the row is settled.

Pure but for its arguments. A 2xx delivers; a 5xx ends the row with the effect of its reason; all else is deferred by
the class's plan until its lifetime is over, when it expires with the effect of its last answer (PRODUCT R2, R3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from mail.outcome import Action, Effect, Outcome, Reason
from mail.reply import Reply
from mta.outbound.compose import Recipe
from mta.outbound.job import Job
from policy.backoff import Backoff, next_attempt
from policy.bounce_class import outcome, outcome_of_reply
from policy.consequence import expired
from policy.lifecycle import Event
from policy.sickness import OURS, may_try_elsewhere
from policy.sites import provider_of
from store.ledger import Claimed, Settlement


class Heard(msgspec.Struct, frozen=True):
    """What came of an attempt: a host's reply, or (None) the words of a connection that failed."""

    reply: Reply | None
    words: str
    refusal: Reply | None = None  # of a connection: a verdict on us, never on the recipient
    out_of_reach: bool = False  # from this source; one of the other kind, IPv4 or IPv6, could


def settlement_of(
    job: Job, heard: Heard, plans: Mapping[str, Backoff], now: datetime, jitter: float, others: Collection[str] = ()
) -> Settlement:
    """How the row is settled; `jitter` is random in 0..1; `others`: sources of its pool that could try it now."""
    if heard.reply is not None and heard.reply.positive:
        return _settlement(job, Event.DELIVER, heard)
    judged = _judged(job, heard)
    if may_try_elsewhere(judged.reason, job.row.last_reason, job.row.attempts, others):
        return _settlement(job, Event.DEFER, heard, judged, now)
    if judged.action is Action.FAILED:
        return _settlement(job, Event.FAIL, heard, judged)
    plan = plans[job.retry]
    due = next_attempt(job.row.attempts + 1, job.row.queued_at, now, plan, jitter)
    if due is None:
        return _settlement(job, Event.EXPIRE, heard, expired(judged))
    return _settlement(job, Event.DEFER, heard, judged, due)


def returned(row: Claimed, recipe: Recipe, words: str = "") -> Settlement:
    """Handed back untried: the lane closed, the worker ends, the campaign was paused."""
    return _untried(row, recipe, Event.CLAIM_LOST, words, None)


def ended(row: Claimed, recipe: Recipe, event: Event, words: str, reason: Reason | None) -> Settlement:
    """Ended without an attempt: SUPPRESS, or FAIL of a message that cannot be made."""
    return _untried(row, recipe, event, words, reason)


def _untried(row: Claimed, recipe: Recipe, event: Event, words: str, reason: Reason | None) -> Settlement:
    return Settlement(
        row.recipient_id, row.flow_id, recipe.project_id, recipe.campaign_id, row.client_id,
        event, tried=False, source=row.last_source, words=words, reason=reason,
    )  # fmt: skip


def _judged(job: Job, heard: Heard) -> Outcome:
    if heard.reply is not None:
        return outcome_of_reply(job.row.address, heard.reply)
    if heard.refusal is not None:
        refused = outcome_of_reply(job.row.address, heard.refusal)
        reason = refused.reason if refused.reason in OURS else Reason.NETWORKERROR
        return Outcome(job.row.address, Action.DELAYED, "", None, heard.words, reason, Effect.NONE, hard=False)
    judged = outcome(job.row.address, Action.DELAYED, heard.words, enhanced="", status="", code=None)
    # Our own words about a dead connection are no host's verdict on the address, whatever a rule reads in them.
    return Outcome(
        judged.recipient, Action.DELAYED, "", None, heard.words, Reason.NETWORKERROR, judged.effect, hard=False
    )


def _settlement(
    job: Job, event: Event, heard: Heard, judged: Outcome | None = None, due: datetime | None = None
) -> Settlement:
    """`judged` None: delivered."""
    row = job.row
    return Settlement(
        row.recipient_id, row.flow_id, job.recipe.project_id, job.recipe.campaign_id, row.client_id, event, due=due,
        source=job.source.address, code=heard.reply.code if heard.reply else None, words=heard.words[:1000],
        reason=judged.reason if judged else None, effect=judged.effect if judged else Effect.NONE,
        sender_id=job.recipe.sender_id, provider=provider_of(job.site), warming=job.warming,
    )  # fmt: skip
