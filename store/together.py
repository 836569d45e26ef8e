"""Callers of one kind who wait at the same time are served by one piece of work, each with an answer of its own.

What a hundred sessions ask costs a transaction and its statements once. Nobody waits for company: the first one in
asks `begin` for a turn, and whoever comes until that turn is there goes with it. Where the work raises, each caller
is served alone, so that one who cannot be served spoils nobody's answer. Safe from any thread.
Crash case: none of its own; a future is done only after the turn is, so after its commit where it is a journal's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from store.database import Database
from store.journal import Journal
from store.savepoint import savepoint, undone

A = TypeVar("A")
T = TypeVar("T")
LIMIT: Final = 50  # callers in one turn, so that a write of theirs stays under its 20 ms

Turn = Callable[[Connection], Any]
_Waiting = list[tuple[A, "Future[T]"]]


class Together(Generic[A, T]):
    """`begin` runs a turn on some thread, later; `serve` answers each of those who wait, in their order."""

    def __init__(
        self, begin: Callable[[Turn], Future[Any]], serve: Callable[[Connection, Sequence[A]], Sequence[T]]
    ) -> None:
        self._begin = begin
        self._serve = serve
        self._lock = threading.Lock()
        self._open: _Waiting[A, T] | None = None

    def ask(self, asked: A) -> Future[T]:
        done: Future[T] = Future()
        with self._lock:
            waiting = self._open
            if fresh := waiting is None or len(waiting) >= LIMIT:
                waiting = self._open = []
            waiting.append((asked, done))
        if fresh:
            self._begin(partial(self._turn, waiting)).add_done_callback(partial(self._tell, waiting))
        return done

    def _turn(self, waiting: _Waiting[A, T], tx: Connection) -> list[T | Exception]:
        self._close(waiting)
        # From here on a caller that gives up waiting cannot cancel.
        waiting[:] = [one for one in waiting if one[1].set_running_or_notify_cancel()]
        asked = [one for one, _ in waiting]
        if len(asked) < 2:
            return list(self._serve(tx, asked)) if asked else []
        try:
            with savepoint(tx):
                return list(self._serve(tx, asked))
        except OperationalError:  # the database itself: full, locked, gone
            raise
        except Exception:
            if undone(tx):
                raise
            # Whose it is shows when each is served alone.
            return [self._alone(tx, one) for one in asked]

    def _alone(self, tx: Connection, asked: A) -> T | Exception:
        try:
            with savepoint(tx):
                return self._serve(tx, [asked])[0]
        except OperationalError:
            raise
        except Exception as error:
            if undone(tx):
                raise
            return error  # told to the one it belongs to

    def _close(self, waiting: _Waiting[A, T]) -> None:
        with self._lock:
            if self._open is waiting:
                self._open = None

    def _tell(self, waiting: _Waiting[A, T], turn: Future[list[T | Exception]]) -> None:
        self._close(waiting)  # a turn that never ran
        error = turn.exception()
        answers: Sequence[T | BaseException] = turn.result() if error is None else [error] * len(waiting)
        for (_, done), answer in zip(waiting, answers, strict=True):
            if not (done.running() or done.set_running_or_notify_cancel()):
                continue
            if isinstance(answer, BaseException):
                done.set_exception(answer)
            else:
                done.set_result(answer)


def writing(journal: Journal, serve: Callable[[Connection, Sequence[A]], Sequence[T]]) -> Together[A, T]:
    """Each turn is a write of this journal."""
    return Together(journal.submit, serve)


def reading(
    database: Database, thread: Executor, serve: Callable[[Connection, Sequence[A]], Sequence[T]]
) -> Together[A, T]:
    """Each turn reads one state of the database; `thread` has one worker, so that those who come meanwhile gather."""

    def read(turn: Turn) -> Any:
        with database.read() as connection:
            return turn(connection)

    return Together(lambda turn: thread.submit(read, turn), serve)
