"""Who waits for rows hears of every commit of another's, and is left in peace between."""

from __future__ import annotations

import asyncio
import multiprocessing

from sqlalchemy import Connection, insert

from mta.outbound.commits import Commits, behind
from store.changes import Changes
from store.schema import counters
from store.stores import Stores, open_stores

_fork = multiprocessing.get_context("fork")


def _write(stores: Stores, number: int) -> None:
    def add(tx: Connection) -> None:
        tx.execute(insert(counters).values(scope="test", scope_id=number, name="writes", value=0))

    stores.core.journal.run(add)


def _write_elsewhere(location: str) -> None:
    stores = open_stores(location)
    _write(stores, 99)
    stores.close()


def _calm(changes: Changes) -> bool:
    """PostgreSQL writes to its log now and then by itself."""
    return any(not changes.look() for _ in range(20))


def test_every_commit_is_seen_once_whoever_made_it(location: str, stores: Stores) -> None:
    changes = Changes(stores.core.database)
    assert changes.look()
    for number in range(3):
        assert _calm(changes)
        _write(stores, number)
        assert changes.look()
    assert _calm(changes)
    other = _fork.Process(target=_write_elsewhere, args=(location,))
    other.start()
    other.join(20)
    assert other.exitcode == 0
    assert changes.look()
    changes.close()


def test_a_database_that_cannot_be_asked_counts_as_changed(stores: Stores, monkeypatch) -> None:
    changes = Changes(stores.core.database)
    assert changes.look()
    assert _calm(changes)
    broken = Changes(stores.core.database)
    if stores.core.database.file is not None:
        monkeypatch.setattr(stores.core.database, "file", stores.core.database.file.with_name("gone.db"))
    else:
        monkeypatch.setattr(stores.core.database, "_engine", None)
        monkeypatch.setattr(stores.core.database, "_location", "postgresql://127.0.0.1:1/nothing")
    assert broken.look()
    assert broken.look()


def test_a_commit_between_the_mark_and_the_wait_is_not_missed(stores: Stores) -> None:
    async def wait() -> float:
        commits = Commits(Changes(stores.core.database))
        watching = asyncio.create_task(commits.watch())
        await behind(commits.mark(), 5)  # the first look says yes
        mark = commits.mark()
        await asyncio.to_thread(_write, stores, 1)
        while not mark.is_set():  # noqa: ASYNC110 - it is seen while this loop is at something else
            await asyncio.sleep(0.01)
        began = asyncio.get_running_loop().time()
        await behind(mark, 60)
        watching.cancel()
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(wait()) < 10
