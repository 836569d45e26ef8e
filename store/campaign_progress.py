"""How far a campaign is: counts by state, the report, its rows, and whether it has come to its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Row, func, literal_column, select, update

from policy.lifecycle import FINAL, State
from store import breakers, counters
from store.campaigns import Campaign, CampaignState
from store.columns import EPOCH
from store.schema import INFLIGHT, campaigns, messages, recipients

_MESSAGE: Final = literal_column("+recipients.message_id", BigInteger)


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
    """Counts, reasons by state, deferrals, delivered by egress source, and by provider what ended, bounced, complained:
    whole for as long as there is the campaign."""
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
    single = {name: known.get(name, 0) for name in ("deferrals", "complaints", "unsubscribes", "replies")}
    by_provider = breakers.numbers(connection, "campaign", campaign.id, EPOCH)
    most_first = sorted(by_provider.items(), key=lambda one: (-one[1].sent, one[0]))
    providers = {
        name: {"ended": one.sent, "bounced": one.bounced, "complained": one.complained} for name, one in most_first
    }
    by_state = counts(connection, campaign)
    return {"counts": by_state, "reasons": reasons, "sources": sources, "providers": providers, **single}


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


def finish_done(tx: Connection, campaign: Campaign, now: datetime) -> bool:
    """RUNNING to FINISHED once every recipient has a final state."""
    if campaign.expanded < campaign.recipients or final_total(counts(tx, campaign)) < campaign.recipients:
        return False
    done = update(campaigns).where(campaigns.c.id == campaign.id, campaigns.c.state == CampaignState.RUNNING.value)
    return tx.execute(done.values(state=CampaignState.FINISHED.value, finished_at=now)).rowcount == 1


def close_cancelled(tx: Connection, campaign: Campaign, now: datetime) -> bool:
    """A cancelled campaign whose every recipient has a final state needs no more work."""
    if final_total(counts(tx, campaign)) < campaign.recipients:
        return False
    done = update(campaigns).where(campaigns.c.id == campaign.id, campaigns.c.finished_at.is_(None))
    return tx.execute(done.values(finished_at=now)).rowcount == 1


def _inflight(connection: Connection, campaign: int) -> int:
    """Rows of a campaign in workers' hands: few, and found by the ledger's partial index of claims.

    The plus keeps SQLite from taking the index of the message's rows instead, all of them: 0.1 s for a million.
    """
    own = select(messages.c.id).where(messages.c.campaign_id == campaign)
    mine = (INFLIGHT, recipients.c.claimed_by > 0, _MESSAGE.in_(own))
    wanted = select(func.count()).select_from(recipients).where(*mine)
    return int(connection.execute(wanted).scalar_one())
