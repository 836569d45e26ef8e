"""Group commit: one writer thread per process and database commits whatever waits.

While a commit is on its way to the disk, further writes gather; they go into the next transaction together, each
in a savepoint, so that one that raises is undone alone; where SQLite then undoes the whole transaction by itself, all
are told. A future is done only after the commit is durable.
Crash case: a process that dies between commit and answer leaves a row whose caller never heard; every caller's
write is idempotent or, as an arrival, repeated by its peer (RFC 5321 §6.1).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Connection

from store.database import Database
from store.savepoint import savepoint, undone
from store.trouble import trouble_of

T = TypeVar("T")
FAILED: Final = Counter(
    "mailloft_write_failures_total", "Transactions that a database refused, by why", ["database", "why"]
)
WAITING: Final = Gauge(
    "mailloft_write_waiting_seconds", "How long the transaction under way has taken so far; a locked file shows here",
    ["database"],
)  # fmt: skip
TOOK: Final = Histogram(
    "mailloft_write_seconds", "Time of a transaction with its wait for the gate and its commit", ["database"],
    buckets=(0.002, 0.005, 0.02, 0.05, 0.1, 0.5, 2, 10, 60),
)  # fmt: skip
GROUP: Final = 200  # writes in one transaction at most, so that no write waits over its 20 ms share


@dataclass(frozen=True, slots=True)
class Write:
    work: Callable[[Connection], Any]
    done: Future[Any]


class Journal:
    """The writer of one database in this process; its thread starts at the first write, after any fork."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._began: float | None = None  # monotonic, of the transaction under way
        self._took = TOOK.labels(database.name)
        WAITING.labels(database.name).set_function(self._waited)

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Run `work` in a transaction; the future holds its result once that is durable, or what it raised.

        `work` may be run a second time where its group's commit failed, so it has no effects outside the row.
        """
        done: Future[T] = Future()
        self._start()
        self._waiting.put(Write(work, done))
        return done

    def run(self, work: Callable[[Connection], T]) -> T:
        """The same, waiting for it: for threads that may block."""
        return self.submit(work).result()

    def _waited(self) -> float:
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def close(self) -> None:
        """Commit what waits and end the thread."""
        with self._starting:
            if self._thread is not None:
                self._waiting.put(None)
                self._thread.join()
                self._thread = None

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=f"journal-{self.database.name}", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._began = time.monotonic()
            ended = self._commit(first)
            self._took.observe(time.monotonic() - self._began)
            self._began = None
            if ended:
                return

    def _gather(self, first: Write) -> tuple[list[Write], bool]:
        """What waits, and whether the journal was closed behind it. Who gives up later cannot cancel its write."""
        group, following, taken = list[Write](), first, 0
        while True:
            if following.done.set_running_or_notify_cancel():
                group.append(following)
            taken += 1
            if taken == GROUP:
                return group, False
            try:
                waited = self._waiting.get_nowait()
            except queue.Empty:
                return group, False
            if waited is None:
                return group, True
            following = waited

    def _commit(self, first: Write) -> bool:
        """Whether the journal was closed behind what was committed."""
        group: list[Write] | None = None
        answers: list[tuple[Write, Any, BaseException | None]] = []
        try:
            with self.database.write() as transaction:
                # Only now: what came while another process held the gate goes with this commit, not the next.
                group, ended = self._gather(first)
                if len(group) == 1:  # nobody else to protect, no savepoint to pay
                    answers.append((group[0], group[0].work(transaction), None))
                else:
                    answers.extend(_in_savepoint(transaction, write) for write in group)
        except Exception as error:  # noqa: BLE001 - whatever the database raised belongs to those who wait
            FAILED.labels(self.database.name, trouble_of(error).value).inc()
            if group is None:
                group, ended = self._gather(first)
            answers = [(write, None, error) for write in group]
        for write, result, raised in answers:
            if raised is None:
                write.done.set_result(result)
            else:
                write.done.set_exception(raised)
        return ended


def _in_savepoint(transaction: Connection, write: Write) -> tuple[Write, Any, BaseException | None]:
    try:
        with savepoint(transaction):
            return write, write.work(transaction), None
    except Exception as error:
        if undone(transaction):
            raise  # with it went the writes before, and those behind would be transactions of their own
        return write, None, error  # one caller's failure is undone alone and told to it alone
