"""Whose message is made and sent next where the processor is what there is too little of.

On the loop; one for each sender process. A campaign's connections may all be ready at once, and each makes a message of
a millisecond: what is urgent would wait for hundreds of them at every step of its conversation. So in one round of the
loop only a few messages of campaigns begin, the others wait in their order; urgent mail asks nobody. Where there is
time enough for all, nobody waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

EACH: Final = 8  # messages of campaigns in one round of the loop


class Turns:
    def __init__(self, each: int = EACH) -> None:
        self._each = each
        self._left = each
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._round: asyncio.Handle | None = None

    async def turn(self) -> None:
        """Returns when the caller may begin one."""
        loop = asyncio.get_running_loop()
        if self._round is None:
            self._round = loop.call_soon(self._next, loop)
        if self._left and not self._waiting:
            self._left -= 1
            return
        mine = loop.create_future()
        self._waiting.append(mine)
        await mine

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """The round after one in which somebody began or waited."""
        self._left = self._each
        while self._waiting and self._left:
            if not (first := self._waiting.popleft()).done():  # who was cancelled has left
                first.set_result(None)
                self._left -= 1
        begun = self._left < self._each or bool(self._waiting)
        self._round = loop.call_soon(self._next, loop) if begun else None
