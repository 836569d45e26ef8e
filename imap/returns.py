"""What threads hand back to the reactor's thread: one wake-up for all that waits.

Twisted's own `callFromThread` writes to its pipe for each; with a journal that ends twenty writes at once, or eight
threads, most of these are not needed. `put` is for any thread, all else is the reactor's.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any, Final

Work = Callable[[], None]
_ALL: Final = os.EFD_NONBLOCK | os.EFD_CLOEXEC


class Returns:
    """What Twisted calls an IReadDescriptor. `failed` is told what a piece of work raised; the others go on."""

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._waiting: deque[Work] = deque()
        self._woken = False
        self._descriptor = os.eventfd(0, _ALL)

    def put(self, work: Work) -> None:
        """Have it run in the reactor's thread, in the order in which it came."""
        self._waiting.append(work)
        if not self._woken:
            self._woken = True
            os.eventfd_write(self._descriptor, 1)

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        os.eventfd_read(self._descriptor)
        self._woken = False  # before the look: what comes from now on wakes us again
        for _ in range(len(self._waiting)):
            try:
                self._waiting.popleft()()
            except Exception as error:  # noqa: BLE001 - one connection's trouble is not the others'
                self._failed(error)

    def fileno(self) -> int:
        return self._descriptor

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        return "returns"

    def connectionLost(self, _: Any) -> None:  # noqa: N802 - Twisted's name
        """Never: an eventfd has no other end."""
