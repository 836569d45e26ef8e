"""The journal commits a group at once, undoes alone what failed alone, and says done only of what is durable."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from concurrent.futures import Future, wait
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from peers.commits import on_commit
from store.database import Gate
from store.schema import counters
from store.stores import Stores, open_stores

_ROW = {"scope": "test", "scope_id": 1, "name": "writes", "value": 0}
_fork = multiprocessing.get_context("fork")


def test_one_failing_write_does_not_undo_the_others(stores: Stores) -> None:
    with _held(stores) as waiting:
        good = [stores.core.journal.submit(_adding(number)) for number in range(10)]
        twice = stores.core.journal.submit(_adding_99_then_3)
        late = stores.core.journal.submit(_adding(10))
        waiting.set()
    with pytest.raises(IntegrityError):
        twice.result(10)
    assert [future.result(10) for future in (*good, late)] == list(range(11))
    assert _kept(stores) == set(range(11))


def test_what_waits_is_committed_together(stores: Stores) -> None:
    commits: list[str] = []
    on_commit(stores.core.database, lambda: commits.append("one"))
    with _held(stores) as waiting:
        futures = [stores.core.journal.submit(_adding(number)) for number in range(50)]
        waiting.set()
    assert [future.result(10) for future in futures] == list(range(50))
    assert len(commits) == 2  # the write that held the journal, and the fifty behind it


def test_what_comes_while_another_process_writes_goes_with_the_next_commit(stores: Stores) -> None:
    if (file := stores.core.database.file) is None:
        pytest.skip("needs SQLite: PostgreSQL has no gate")
    commits: list[str] = []
    on_commit(stores.core.database, lambda: commits.append("one"))
    with Gate(file.with_suffix(".gate")):
        first = stores.core.journal.submit(_adding(0))
        assert not _done_within(first, 0.2)  # its turn has come, but not the gate
        others = [stores.core.journal.submit(_adding(number)) for number in range(1, 10)]
    assert [future.result(10) for future in (first, *others)] == list(range(10))
    assert len(commits) == 1


def _done_within(future: Future[int], seconds: float) -> bool:
    return future in wait([future], seconds).done


def test_a_caller_that_gives_up_before_its_turn_writes_nothing(stores: Stores) -> None:
    with _held(stores) as waiting:
        given_up = stores.core.journal.submit(_adding(1))
        kept = stores.core.journal.submit(_adding(2))
        assert given_up.cancel()
        waiting.set()
    kept.result(10)
    assert _kept(stores) == {2}


def test_where_sqlite_undoes_a_transaction_by_itself_nobody_of_its_group_is_told_that_it_is_kept(
    migrated_folder: Path, tmp_path: Path
) -> None:
    """As on a full disk: what comes behind must not begin a transaction of its own."""
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    stores = open_stores(str(tmp_path))
    stores.core.journal.run(_adding(1))
    with _held(stores) as waiting:
        futures = [stores.core.journal.submit(work) for work in (_adding(2), _undoing_all, _adding(3))]
        waiting.set()
    for future in futures:
        with pytest.raises(IntegrityError):
            future.result(10)
    assert _kept(stores) == {1}
    with pytest.raises(OperationalError):
        stores.core.journal.run(_undoing_all_unsaid)
    stores.core.journal.run(_adding(4))
    assert _kept(stores) == {1, 4}
    stores.close()


def test_closing_commits_what_waits(stores: Stores) -> None:
    futures = [stores.core.journal.submit(_adding(number)) for number in range(20)]
    stores.core.journal.close()
    assert all(future.done() for future in futures)
    assert _kept(stores) == set(range(20))


def test_what_was_called_done_outlives_kill_9(location: str, stores: Stores) -> None:
    ours, theirs = _fork.Pipe()
    writer = _fork.Process(target=_write_until_killed, args=(location, theirs))
    writer.start()
    done = {ours.recv() for _ in range(200)}
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join(10)
    while ours.poll():
        done.add(ours.recv())
    assert done <= _kept(stores)


def _write_until_killed(location: str, said: Pipe) -> None:
    journal = open_stores(location).core.journal
    for number in range(1_000_000):
        said.send(journal.run(_adding(number)))


class _held:  # noqa: N801 - reads as a verb where it is used
    """Keeps the journal busy with one write until the event is set, so that what follows gathers behind it."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._begun, self._go = threading.Event(), threading.Event()

    def __enter__(self) -> threading.Event:
        self._first: Future[None] = self._stores.core.journal.submit(self._wait)
        assert self._begun.wait(10)
        return self._go

    def _wait(self, _: Connection) -> None:
        self._begun.set()
        self._go.wait(10)

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._first.result(10)


def _adding(number: int):
    def add(transaction: Connection) -> int:
        transaction.execute(insert(counters).values({**_ROW, "scope_id": number}))
        return number

    return add


def _adding_99_then_3(transaction: Connection) -> None:
    _adding(99)(transaction)
    _adding(3)(transaction)


def _undoing_all(transaction: Connection) -> None:
    transaction.execute(insert(counters).prefix_with("OR ROLLBACK").values(_ROW))


def _undoing_all_unsaid(transaction: Connection) -> None:
    _adding(5)(transaction)
    with suppress(IntegrityError):
        _undoing_all(transaction)


def _kept(stores: Stores) -> set[int]:
    with stores.core.database.read() as connection:
        return set(connection.execute(select(counters.c.scope_id)).scalars())
