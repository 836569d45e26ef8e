"""A process that stands still amid its writing keeps nobody from PostgreSQL for long.

SIGSTOP stands for a virtual machine that is paused and a node whose network is gone. SQLite has no such case: the gate
belongs to the kernel, and who is stopped there holds it (store/database.py).
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import text

from peers.loopback import wait_until
from store import counters
from store.stores import Stores

ROWS = 200_000  # far more than can be written while the test looks
_WRITER = """
import sys
from sqlalchemy import insert
from store import counters, schema
from store.database import Database
way, rows = sys.argv[2], range(int(sys.argv[3]))
with Database("core", sys.argv[1]).write() as tx:
    counters.add(tx, {("standstill", 1, way): 1})
    print("begun", flush=True)
    if way == "prepared":
        counters.add(tx, {(way, number, "many"): 1 for number in rows})
    else:
        tx.execute(insert(schema.counters), [dict(scope=way, scope_id=one, name="many", value=1) for one in rows])
"""
WAYS = ("prepared", "sqlalchemy")


def _written(stores: Stores) -> int:
    """Octets of the table, which grows by rows that are not committed too."""
    with stores.core.database.read() as core:
        return int(core.execute(text("SELECT pg_relation_size('core.counters')")).scalar_one())


@contextmanager
def _stopped_amid_rows(stores: Stores, location: str, way: str) -> Iterator[None]:
    before = _written(stores)
    command = [sys.executable, "-c", _WRITER, location, way, str(ROWS)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == b"begun\n"
        wait_until(lambda: _written(stores) > before + 100_000, "the batch is under way", every=0.01)
        writer.send_signal(signal.SIGSTOP)
        assert writer.poll() is None
        yield
    finally:
        writer.kill()
        writer.wait(10)
        writer.stdout.close()


def test_who_stops_amid_many_rows_loses_his_locks(stores: Stores, location: str) -> None:
    if not stores.core.database.postgresql:
        pytest.skip("SQLite's gate is the kernel's")
    with ExitStack() as stopped:
        for way in WAYS:
            stopped.enter_context(_stopped_amid_rows(stores, location, way))
        with stores.core.database.write() as tx:
            tx.execute(text("SET LOCAL lock_timeout = '25s'"))
            counters.add(tx, {("standstill", 1, way): 5 for way in WAYS})
    with stores.core.database.read() as core:
        assert counters.of(core, "standstill", 1) == dict.fromkeys(WAYS, 5)
