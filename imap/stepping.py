"""The command that runs on a connection: stepped here or in a thread, its wishes granted, closed where nobody waits.

Of the reactor's thread, which steps brief commands itself; others are stepped in a thread pool (imap/turn.py). `done`
hears of every turn, in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from twisted.python.failure import Failure

from imap import channel
from imap.answer import Aside, Channel, Pause, Running, Step, Wait
from imap.surroundings import Surroundings
from imap.turn import Turn, take_turn

IN_A_ROW: Final = 20  # steps that one connection has of the reactor's thread before others have theirs


class Stepping:
    __slots__ = ("_around", "_aside", "_done", "_in_a_row", "_in_thread", "running")

    def __init__(self, around: Surroundings, done: Callable[[Turn | Failure], None]) -> None:
        self._around = around
        self._done = done
        self.running: Running | None = None
        self._in_thread = False
        self._aside = True  # it is stepped in a thread
        self._in_a_row = 0  # steps since the reactor's last turn

    def begin(self, running: Running, *, aside: bool) -> None:
        """`aside`: it may take long from the start."""
        self.running = running
        self._aside = aside or self._around.in_threads
        self.step()

    def rested(self) -> None:
        """The reactor had its turn."""
        self._in_a_row = 0

    def step(self, value: object = None, raised: BaseException | None = None) -> None:
        assert self.running is not None
        self._in_thread = True
        if self._aside or self._in_a_row >= IN_A_ROW:
            self._in_a_row = 0
            self._around.threads.run(self._stepped, self.running, value, raised)
            return
        self._in_a_row += 1
        turn: Turn | Failure
        try:
            turn = take_turn(self.running, value, raised, aside=False)
        except Exception:  # noqa: BLE001 - whatever it is, it ends this connection and no other
            turn = Failure()  # type: ignore[no-untyped-call]  # Twisted's
        self._stepped(turn)

    def _stepped(self, turn: Turn | Failure) -> None:
        self._in_thread = False
        self._done(turn)

    def grant(self, step: Step, transport: Any) -> None:
        """What it wishes for, but for a line of the client's: that only the connection can ask for."""
        if isinstance(step, Wait):
            step.future.add_done_callback(lambda future: self._around.threads.back(lambda: self._waited(future)))
        elif isinstance(step, Pause):
            self._around.reactor.callLater(step.seconds, self._paused)
        elif isinstance(step, Aside):
            self._aside = True
            self.step()
        elif isinstance(step, Channel):
            self.step(channel.data_of(transport, step.binding))

    def _waited(self, future: Future[Any]) -> None:
        if self.running is not None:
            self._aside = self._around.in_threads
            error = future.exception()
            self.step(None if error else future.result(), error)

    def _paused(self) -> None:
        if self.running is not None:
            self.step()

    def abandon(self) -> None:
        """Nobody waits for its answer; one that is in a thread is abandoned when it comes back."""
        if self.running is not None and not self._in_thread:
            self.running.close()
            self.running = None
