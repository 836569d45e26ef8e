"""Breakers that tripped and still matter: what they stopped, why, and till when (PRODUCT K, overviews of the panel).

A warning matters for a day, a slowing until its end, a pause while a campaign stands still by it: what has been
resumed, or is over, needs nobody. Called by pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from admin.breaking import PREFIX
from admin.office import Office
from store import breakers, campaigns
from store.campaigns import CampaignState

_WARNED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TripView:
    """`name`: of the campaign, sender or project that the breaker is of; `action`: notify | slow | pause."""

    scope: str
    id: int
    name: str
    project: int
    action: str
    reason: str
    until: datetime | None


def standing(office: Office, project: int | None) -> list[TripView]:
    """Of one project, or of all: those that hold mail back first."""
    now = office.now()
    with office.read() as connection:
        tripped = [one for one in breakers.tripped(connection, project) if one.until is None or one.until > now]
        paused = _paused_by(connection) if any(one.action == "pause" for one in tripped) else set()
        matter = [one for one in tripped if _matters(one, paused, now)]
        names = breakers.names(connection, matter)
    found = [TripView(one.scope, one.scope_id, *names[one.scope, one.scope_id], one.action, one.reason, one.until)
             for one in matter if (one.scope, one.scope_id) in names]  # fmt: skip
    return sorted(found, key=lambda one: one.action == "notify")


def _paused_by(connection: Any) -> set[str | None]:
    return {one.state_reason for one in campaigns.in_states(connection, [CampaignState.PAUSED])}


def _matters(one: breakers.Tripped, paused: set[str | None], now: datetime) -> bool:
    if one.action == "pause":
        return PREFIX + one.reason in paused
    return one.action != "notify" or now - one.tripped_at < _WARNED
