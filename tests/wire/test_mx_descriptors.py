"""The MX without descriptors to spare (spec/SECURITY 25): it does not spin, and serves again once there are some."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from peers import smtp_role
from peers.smtp_role import Running, Talk

SPARE = 12


@pytest.fixture
def mx(tmp_path: Path, migrated_folder: Path) -> Iterator[Running]:
    with smtp_role.premises_in(tmp_path, migrated_folder) as premises, premises.role("mx") as running:
        yield running


def test_security_25_without_descriptors_the_listener_does_not_spin_and_then_goes_on(mx: Running) -> None:
    pid = mx.process.pid
    open_now = len(os.listdir(f"/proc/{pid}/fd"))
    kept = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + SPARE, kept[1]))
    with ExitStack() as held:
        for _ in range(4 * SPARE):
            held.enter_context(socket.create_connection(("127.0.0.1", mx.ports["mx"]), timeout=20))
        before = _cpu_seconds(pid)
        time.sleep(2)
        assert _cpu_seconds(pid) - before < 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, kept)
    with Talk(mx.ports["mx"]) as talk:
        assert talk.reply().startswith("220 ")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
