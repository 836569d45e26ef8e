"""Lets the sender's loops sleep until somebody commits to the ledger, instead of asking it again and again.

On the loop; one task looks (store/changes.py), all others wait. A loop that is about to read takes a `mark` before, and
waits for what was committed behind it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from store.changes import Changes

LOOK: Final = 0.1  # seconds between looks


class Commits:
    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._next = asyncio.Event()

    def mark(self) -> asyncio.Event:
        """Set by the first commit that is seen from now on."""
        return self._next

    def wake(self) -> None:
        """As if something had been committed."""
        happened, self._next = self._next, asyncio.Event()
        happened.set()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            if await self._look():
                self.wake()
            await asyncio.sleep(LOOK)

    async def _look(self) -> bool:
        if self._changes.blocks:
            return await asyncio.to_thread(self._changes.look)
        return self._changes.look()


async def behind(mark: asyncio.Event, seconds: float) -> None:
    """Wait for a commit behind the mark, so many seconds at most."""
    try:
        async with asyncio.timeout(seconds):
            await mark.wait()
    except TimeoutError:
        return
