"""The recipes in use, read once and kept for a while, and which campaigns may not go on.

Called on threads that may block; `stopped` is asked on the loop for every row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from mta.outbound.compose import Recipe, Recipes, Uncomposable
from role.context import Context
from store import breakers, campaigns
from store.campaigns import CampaignState

KEPT: Final = 20.0  # seconds; so long may a message be signed with the key before the last


class Shelf:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._recipes = Recipes(context)
        self._kept: dict[int, tuple[Recipe, float]] = {}
        self._stopped: frozenset[int] = frozenset()
        self.slowed: frozenset[int] = frozenset()  # campaigns that a breaker slows

    def of(self, message_ids: Sequence[int]) -> dict[int, Recipe | Uncomposable]:
        """The recipe of each message, or why there is none."""
        return {message_id: self._of(message_id) for message_id in message_ids}

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

    def _of(self, message_id: int) -> Recipe | Uncomposable:
        kept = self._kept.get(message_id)
        if kept is not None and time.monotonic() - kept[1] < KEPT:
            return kept[0]
        try:
            recipe = self._recipes.of(message_id)
        except Uncomposable as error:
            self._context.log.error("uncomposable", raised=error, message=message_id)
            return error
        if recipe.state is CampaignState.RUNNING:  # one that is paused may be resumed at any moment
            self._kept[message_id] = (recipe, time.monotonic())
        return recipe
