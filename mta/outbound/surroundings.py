"""What others decide while this worker sends: what may not go on, who is dead, which addresses rest.

Every method blocks on the database and is called on a thread, one at a time. Crash case of burying: store/workers.py.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from mta.outbound import promote
from mta.outbound.fence import Fence
from mta.outbound.pacing import Pacing
from mta.outbound.shelf import Shelf
from mta.outbound.warming import Warming
from policy.shaping import EVERYWHERE
from role.context import Context
from store import counters, reactions, workers


class Surroundings:
    """`worker`: this incarnation; the others are told what is found here."""

    def __init__(
        self, context: Context, worker: int, fence: Fence, shelf: Shelf, pacing: Pacing, warming: Warming
    ) -> None:
        self._context = context
        self._core = context.stores.core
        self._worker = worker
        self._fence = fence
        self._shelf = shelf
        self._pacing = pacing
        self._warming = warming

    def recall(self) -> None:
        """What was held back before a restart still is."""
        with self._core.database.read() as core:
            self._pacing.load(reactions.holding(core, datetime.now(UTC)))

    def look(self) -> frozenset[int]:
        """The rows in our hands that an operator wants back."""
        self._shelf.refresh()
        self._recall_others()
        with self._core.database.read() as core:
            dead = workers.dead(core, datetime.now(UTC))
        if any(worker != self._worker for worker in dead) and self._fence.may_bury(time.monotonic()):
            self._core.journal.run(self._bury_dead)
        return promote.asked_for(self._context, self._worker)

    def _recall_others(self) -> None:
        """What other workers saw that concerns us: addresses that rest everywhere, warm-up counts."""
        day = datetime.now(UTC).date()
        with self._core.database.read() as core:
            everywhere = [one for one in reactions.holding(core, datetime.now(UTC)) if one.site == EVERYWHERE]
            sent = counters.of(core, "warmup", day.toordinal()) if self._warming.active else {}
            self._pacing.nodes = workers.nodes(core, self._context.name)
        self._pacing.load(everywhere)
        self._warming.refresh(day, sent)

    def _bury_dead(self, tx: Any) -> int:
        if not self._fence.may_bury(time.monotonic()):  # this transaction may have waited for a while
            return 0
        return workers.bury_dead(tx, datetime.now(UTC), self._worker)
