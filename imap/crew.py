"""The threads in which commands are stepped, between the reactor's turns.

A queue and some threads, and no more: Twisted's own pool costs a command three times as much, in contexts, teams and
Deferreds, which nothing here needs. `run` and `back` are `turn.Threads`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial

from twisted.python.failure import Failure

from imap.answer import Running
from imap.returns import Work
from imap.turn import Turn, take_turn

Done = Callable[[Turn | Failure], None]
Task = tuple[Done, Running, object, BaseException | None]


class Crew:
    def __init__(self, back: Callable[[Work], None], threads: int) -> None:
        """`back` has work run in the reactor's thread."""
        self.back = back
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

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            done, running, value, raised = task
            turn: Turn | Failure
            try:
                turn = take_turn(running, value, raised, aside=True)
            except BaseException:  # noqa: BLE001 - whatever it is, the connection hears of it and the thread lives on
                turn = Failure()  # type: ignore[no-untyped-call]  # Twisted's
            self.back(partial(done, turn))
            del task, done, running, value, raised, turn  # a waiting thread holds nothing of a session that has gone
