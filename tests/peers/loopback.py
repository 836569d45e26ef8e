"""Ports and waiting: what every peer on loopback needs at its start."""

from __future__ import annotations

import itertools
import os
import random
import socket
import time
from collections.abc import Callable
from typing import Final

# Below what a kernel lends to outgoing connections and apart from what `mailloft up` takes for itself, a stretch for
# each worker of pytest-xdist: so nobody takes a free port between our look and the start of the peer that is told it.
_STRETCH: Final = 1_000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_first = 10_000 + _worker * _STRETCH
# Shuffled, because another session may run beside this one.
_ports: Final = itertools.cycle(random.sample(range(_first, _first + _STRETCH), _STRETCH))


def free_port(address: str = "127.0.0.1") -> int:
    """A port, of TCP and of UDP, that nobody uses; it is not given again for a long while."""
    for port in _ports:
        try:
            with socket.create_server((address, port)), socket.socket(type=socket.SOCK_DGRAM) as datagrams:
                datagrams.bind((address, port))
                return port
        except OSError:
            continue
    raise AssertionError("the cycle has no end")


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(true: Callable[[], object], what: str, seconds: float = 30.0, every: float = 0.05) -> None:
    """Return once `true()` is; AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(every)
