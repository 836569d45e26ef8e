"""A write transaction holds the database from its first statement on, so that what it read is still so when it writes.

SQLite's deferred BEGIN takes the lock at the first write: of two that read before it one fails at once, whatever the
timeout. The gate and BEGIN IMMEDIATE exist for that; PostgreSQL is asked for the row with FOR UPDATE.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
from multiprocessing.queues import Queue
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from store.database import Database
from store.schema import counters

TIMES = 300

_fork = multiprocessing.get_context("fork")


def test_read_then_write_in_two_processes_never_fails(location: str) -> None:
    database = Database("core", location)
    with database.write() as transaction:
        transaction.execute(insert(counters).values(scope="test", scope_id=1, name="writes", value=0))
    database.close()

    told: Queue[list[str]] = _fork.Queue()
    processes = [_fork.Process(target=_count_up, args=(location, told)) for _ in range(2)]
    for process in processes:
        process.start()
    raised = [line for _ in processes for line in told.get(timeout=60)]
    for process in processes:
        process.join(30)

    assert raised == []
    with database.read() as connection:
        assert connection.execute(select(counters.c.value)).scalar_one() == 2 * TIMES
    database.close()


def _count_up(location: str, told: Queue[list[str]]) -> None:
    database, raised = Database("core", location), []
    for _ in range(TIMES):
        try:
            with database.write() as transaction:
                value = transaction.execute(select(counters.c.value).with_for_update()).scalar_one()
                transaction.execute(update(counters).values(value=value + 1))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the test tells
            raised.append(repr(error))
    told.put(raised)


def test_a_write_that_only_read_so_far_holds_the_lock(migrated_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "core.db"
    file.write_bytes((migrated_folder / "core.db").read_bytes())
    database = Database("core", str(tmp_path))
    stranger = sqlite3.connect(file, timeout=0, isolation_level=None)
    with database.write() as transaction:
        transaction.execute(select(counters)).all()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            stranger.execute("BEGIN IMMEDIATE")
    stranger.execute("BEGIN IMMEDIATE")
    stranger.execute("ROLLBACK")
    with database.read() as connection:  # a read holds up no writer
        connection.execute(select(counters)).all()
        stranger.execute("BEGIN IMMEDIATE")
        stranger.execute("ROLLBACK")
    stranger.close()
    database.close()


def test_every_connection_is_as_durable_as_promised(migrated_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "core.db").write_bytes((migrated_folder / "core.db").read_bytes())
    database = Database("core", str(tmp_path))
    with database.write() as connection:
        said = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}
    assert said == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL
    database.close()


def test_a_write_that_raises_is_undone_and_lets_the_next_in(location: str) -> None:
    database = Database("core", location)
    row = insert(counters).values(scope="test", scope_id=1, name="writes", value=0)
    with pytest.raises(ZeroDivisionError), database.write() as transaction:
        transaction.execute(row)
        raise ZeroDivisionError
    with database.write() as transaction:
        transaction.execute(row)
    with database.read() as connection:
        assert len(connection.execute(select(counters)).all()) == 1
    database.close()
