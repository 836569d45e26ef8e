"""Two MX processes on one port: both serve, and together they give one peer no more than the limits say."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from peers.appliance import Appliance
from peers.loopback import wait_until

ALLOWED = 16  # connections at once of one peer, so eight a process
TRIES = 600  # the kernel gives connections to whom it likes; who is full turns them away
SETTINGS = f"""\
[mx]
processes = 2
[outbound]
workers = 1
[limits]
connections_per_peer = {ALLOWED}
connection_rate = "100000/min"
network_connection_rate = "100000/min"
"""


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    made = Appliance(tmp_path, SETTINGS)
    made.start()
    yield made
    made.stop()


def test_two_processes_share_the_port_and_divide_what_a_peer_may_have(appliance: Appliance) -> None:
    with ExitStack() as held:
        greeted = _fill(appliance.ready["mx"], held)
        assert greeted == ALLOWED
        assert [_open(appliance, name) for name in ("mx-1", "mx-2")] == [ALLOWED // 2, ALLOWED // 2]
        assert all(_connect(appliance.ready["mx"], held).startswith("421 4.7.0") for _ in range(20))
    wait_until(lambda: not any(_open(appliance, name) for name in ("mx-1", "mx-2")), "all have left", 10)
    appliance.kill("mx-1")
    with ExitStack() as held:
        assert _connect(appliance.ready["mx"], held).startswith("220 ")


def _fill(port: int, held: ExitStack) -> int:
    """How many connections were greeted, of as many as it takes."""
    greeted = 0
    for _ in range(TRIES):
        greeted += _connect(port, held).startswith("220 ")
        if greeted == ALLOWED:
            break
    return greeted


def _connect(port: int, held: ExitStack) -> str:
    """The greeting; who was greeted stays."""
    line = socket.create_connection(("127.0.0.1", port), timeout=20)
    first = line.recv(512).decode()
    if first.startswith("220 "):
        held.enter_context(line)
    else:
        line.close()
    return first


def _open(appliance: Appliance, process: str) -> int:
    text = appliance.metrics(process)
    found = re.search(r'^mailloft_smtp_open_sessions\{listener="mx"\} (\S+)', text, re.MULTILINE)
    return int(float(found[1])) if found else 0
