"""The threads in which commands are stepped, between the reactor's turns.

A queue and some threads, and no more: Twisted's own pool costs a command three times as much, in contexts, teams and
Deferreds, which nothing here needs. `run` and `back` are `protocol.Threads`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from imap.answer import Running
from imap.protocol import Turn, take_turn

Done = Callable[[Turn | Failure], None]
Task = tuple[Done, Running, object, BaseException | None]


class Crew:
    def __init__(self, reactor: Any, threads: int) -> None:
        self._reactor = reactor
        self._waiting: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"imap-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What was handed over before is done first."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def run(self, done: Done, running: Running, value: object, raised: BaseException | None) -> None:
        self._waiting.put((done, running, value, raised))

    def back(self, work: Callable[[], None]) -> None:
        self._reactor.callFromThread(work)

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            done, running, value, raised = task
            turn: Turn | Failure
            try:
                turn = take_turn(running, value, raised)
            except BaseException:  # noqa: BLE001 - whatever it is, the connection hears of it and the thread lives on
                turn = Failure()  # type: ignore[no-untyped-call]  # Twisted's
            self._reactor.callFromThread(done, turn)
            del task, running, value, raised, turn  # a waiting thread holds nothing of a session that has gone
