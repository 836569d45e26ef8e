"""A time limit that is cheap to put off: the timer is not moved with every octet, only looked at when it fires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Deadline:
    """Calls `expired` once `seconds` have gone by since the last `set` or `put_off`. Of the reactor's thread."""

    def __init__(self, reactor: Any, expired: Callable[[], None]) -> None:
        self._reactor = reactor
        self._expired = expired
        self._timer: Any = None
        self._since = 0.0
        self.seconds: float | None = None

    def set(self, seconds: float | None) -> None:
        """A new limit from now on; None: no more."""
        self.seconds = seconds
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self.put_off()
            self._timer = self._reactor.callLater(seconds, self._fired)

    def put_off(self) -> None:
        self._since = self._reactor.seconds()

    def _fired(self) -> None:
        self._timer = None
        assert self.seconds is not None
        left = self._since + self.seconds - self._reactor.seconds()
        if left > 0.001:
            self._timer = self._reactor.callLater(left, self._fired)
        else:
            self._expired()
