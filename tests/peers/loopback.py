"""Ports and waiting: what every peer on loopback needs at its start."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that was free a moment ago."""
    with socket.create_server((address, 0)) as listening:
        return int(listening.getsockname()[1])


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(true: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Return once `true()` is; AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.05)
