"""What a role tells systemd: that it answers, that it is alive, that it stops (sd_notify(3)).

The address and the wish for a heartbeat come in the environment of the process that the unit started, and are for it
alone: a child of that process, as under `mailloft up`, finds another WATCHDOG_PID and stays silent. No systemd: no
word. A word that cannot be given is no error of the role; systemd then waits, and acts by the unit's own times.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field


def tell(word: str, environment: Mapping[str, str] = os.environ) -> None:
    """Say `word`, as "READY=1", to the supervisor that started this process, if there is one."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaking:
        # A leading @ is how the environment writes the NUL of an abstract address.
        speaking.sendto(word.encode(), "\0" + address[1:] if address.startswith("@") else address)


@dataclass(slots=True)
class Watchdog:
    """Says "WATCHDOG=1" at most twice in the time that the unit allows; `pause` is None where none is awaited."""

    pause: float | None  # seconds
    _last: float = field(default=float("-inf"))

    @classmethod
    def awaited(cls, environment: Mapping[str, str] = os.environ) -> Watchdog:
        microseconds = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(int(microseconds) / 2_000_000 if microseconds.isdigit() and mine else None)

    def pat(self) -> None:
        """To be called from the loop that is watched."""
        if self.pause is not None and time.monotonic() - self._last >= self.pause:
            self._last = time.monotonic()
            tell("WATCHDOG=1")
