"""The recipes in use, read once and kept for a while, and which campaigns may not go on.

Called on threads that may block; `stopped` is asked on the loop for every row.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from mta.outbound.compose import Recipe, Recipes, Uncomposable
from role.context import Context
from store import breakers, campaigns
from store.campaigns import CampaignState

KEPT: Final = 20.0  # seconds; so long may a message be signed with the key before the last
_AT_ONCE: Final = 50  # messages that one look reads
_MOST: Final = 500  # recipes kept, each of at most 32 kB where it is no campaign's


class Shelf:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._recipes = Recipes(context)
        self._kept: dict[int, tuple[Recipe, float]] = {}
        self._stopped: frozenset[int] = frozenset()
        self.slowed: frozenset[int] = frozenset()  # campaigns that a breaker slows

    def of(self, message_ids: Sequence[int]) -> dict[int, Recipe | Uncomposable]:
        """The recipe of each message, or why there is none; a message of several rows is named for each.

        Kept is what further rows will ask for: of a campaign, or of a message that has several here.
        """
        rows, now = Counter(message_ids), time.monotonic()
        found: dict[int, Recipe | Uncomposable] = {
            one: self._kept[one][0] for one in rows if one in self._kept and now - self._kept[one][1] < KEPT
        }
        wanted = sorted(rows.keys() - found.keys())
        for start in range(0, len(wanted), _AT_ONCE):
            found |= self._recipes.of(wanted[start : start + _AT_ONCE])
        for one in wanted:
            self._keep(one, found[one], rows[one], now)
        return found

    def stopped(self, campaign_id: int) -> bool:
        """Whether a campaign was paused or cancelled, as of the last `refresh`."""
        return campaign_id in self._stopped

    def refresh(self) -> None:
        """Look which of the campaigns in use still run; forget what is old."""
        old = time.monotonic() - KEPT
        self._kept = {message: kept for message, kept in self._kept.items() if kept[1] > old}
        with self._context.stores.core.database.read() as core:
            halted = campaigns.in_states(core, [CampaignState.PAUSED])
            halted += campaigns.cancelling(core)
            self.slowed = breakers.slowed(core, datetime.now(UTC))
        self._stopped = frozenset(one.id for one in halted)

    def _keep(self, message_id: int, recipe: Recipe | Uncomposable, rows: int, now: float) -> None:
        if isinstance(recipe, Uncomposable):
            self._context.log.error("uncomposable", raised=recipe, message=message_id)
        elif recipe.state is CampaignState.RUNNING and (
            recipe.campaign_id is not None or (rows > 1 and len(self._kept) < _MOST)
        ):
            # One that is paused may be resumed at any moment.
            self._kept[message_id] = (recipe, now)
