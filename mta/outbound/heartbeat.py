"""This worker's incarnation in the table of workers, and its heartbeats; the fence hears of each that was saved.

asyncio. Raises what the database raises: the caller tries again. Crash case: store/workers.py.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from mta.outbound.fence import Fence
from role.context import Context
from store import workers


class Heartbeat:
    """`life`: how long an incarnation lives without one."""

    def __init__(self, context: Context, fence: Fence, life: timedelta) -> None:
        self._context = context
        self._journal = context.stores.core.journal
        self._fence = fence
        self._life = life
        self._worker = 0

    async def register(self) -> int:
        """A new incarnation; what the one before held is free."""
        asked_at, context = time.monotonic(), self._context
        registered = self._journal.submit(
            lambda tx: workers.register(tx, context.name, context.node, context.position, datetime.now(UTC), self._life)
        )
        self._worker = await asyncio.wrap_future(registered)
        self._fence.renewed(asked_at)
        return self._worker

    async def beat(self) -> bool:
        """False: another process has our claims."""
        asked_at = time.monotonic()
        beat = self._journal.submit(lambda tx: workers.beat(tx, self._worker, datetime.now(UTC), self._life))
        if await asyncio.wrap_future(beat):
            self._fence.renewed(asked_at)
            return True
        self._fence.buried()
        self._context.log.error("buried", worker=self._worker)
        return False

    async def resign(self) -> None:
        await asyncio.wrap_future(self._journal.submit(lambda tx: workers.resign(tx, self._worker, datetime.now(UTC))))
