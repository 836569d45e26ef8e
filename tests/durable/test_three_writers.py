"""Three processes write beside a long reader: nobody hears "locked", and nobody waits over a second.

The writers are real processes with a journal each and four threads that hand it writes, as roles do; the reader
keeps a scan open without pause. Each write reads before it writes, which SQLite's deferred BEGIN would refuse.
A witness that knows nothing of the store syncs a small file all the while: for as long as the machine itself stood
still in one such sync (tens of milliseconds where it is ours alone), our writers may wait on top of their second.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, insert, select, update

from store.schema import counters
from store.stores import Stores, open_stores

SECONDS = float(os.environ.get("MAILLOFT_LONG", "12"))
WRITERS = 3
THREADS = 4
LONGEST = 1.0  # seconds that a write may wait, until it is durable

_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Tale:
    """What one writer has to tell: writes made, the longest wait, and everything that was raised."""

    made: int
    longest: float
    raised: list[str]


@pytest.mark.alone
def test_three_processes_write_beside_a_long_reader(location: str, stores: Stores, tmp_path: Path) -> None:
    with stores.core.database.write() as transaction:
        rows = [{"scope": "test", "scope_id": number, "name": "writes", "value": 0} for number in range(5_000)]
        transaction.execute(insert(counters), rows)
    stores.close()  # nothing open is taken into a fork

    told: Queue[Tale] = _fork.Queue()
    scans: Queue[int] = _fork.Queue()
    ended = _fork.Event()
    reader = _fork.Process(target=_read_on, args=(location, ended, scans))
    writers = [_fork.Process(target=_write_on, args=(location, number, told)) for number in range(WRITERS)]
    stalls: Queue[float] = _fork.Queue()
    witness = _fork.Process(target=_sync_on, args=(tmp_path / "witness", ended, stalls))
    for process in (reader, witness, *writers):
        process.start()
    tales = [told.get(timeout=SECONDS + 60) for _ in writers]
    ended.set()
    read, stall = scans.get(timeout=30), stalls.get(timeout=30)
    for process in (reader, witness, *writers):
        process.join(30)

    assert [line for tale in tales for line in tale.raised] == []
    longest = max(tale.longest for tale in tales)
    assert longest < LONGEST + stall, f"a write waited {longest:.2f} s, where the machine stood still for {stall:.2f} s"
    assert all(tale.made > SECONDS * 20 for tale in tales), "a writer starved"
    assert read > SECONDS, "the reader did not scan beside them"
    with stores.core.database.read() as connection:
        kept = sum(connection.execute(select(counters.c.value).where(counters.c.scope == "test")).scalars())
    assert kept == sum(tale.made for tale in tales)


def _write_on(location: str, number: int, told: Queue[Tale]) -> None:
    stores = open_stores(location)
    tales: list[Tale] = []
    threads = [Thread(target=_hand_in, args=(stores, number, thread, tales)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stores.close()
    raised = [line for tale in tales for line in tale.raised]
    told.put(Tale(sum(tale.made for tale in tales), max(tale.longest for tale in tales), raised))


def _hand_in(stores: Stores, number: int, thread: int, tales: list[Tale]) -> None:
    made, longest, raised = 0, 0.0, []
    end = time.monotonic() + SECONDS
    while (began := time.monotonic()) < end:
        row = (made * 7 + number * 1_000 + thread * 250) % 5_000
        try:
            stores.core.journal.run(lambda transaction, row=row: _read_then_write(transaction, row))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the test tells
            raised.append(repr(error))
        else:
            made += 1
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.002)
    tales.append(Tale(made, longest, raised))


def _read_then_write(transaction: Connection, row: int) -> None:
    mine = (counters.c.scope == "test") & (counters.c.scope_id == row)
    value = transaction.execute(select(counters.c.value).where(mine).with_for_update()).scalar_one()
    transaction.execute(update(counters).where(mine).values(value=value + 1))


def _sync_on(file: Path, ended: Event, stalls: Queue[float]) -> None:
    """Sync one small file again and again; the longest that one took, in seconds."""
    longest = 0.0
    with file.open("wb") as writing:
        while not ended.wait(0.01):
            began = time.monotonic()
            writing.write(bytes(4096))
            writing.flush()
            os.fsync(writing.fileno())
            longest = max(longest, time.monotonic() - began)
    stalls.put(longest)


def _read_on(location: str, ended: Event, scans: Queue[int]) -> None:
    """Scan without pause, each scan in a read transaction that stays open for most of a second."""
    stores = open_stores(location)
    read = 0
    while not ended.is_set():
        with stores.core.database.read() as connection:
            until = time.monotonic() + 0.8
            while time.monotonic() < until and not ended.is_set():
                connection.execute(select(counters)).all()
                read += 1
    stores.close()
    scans.put(read)
