"""Stepping a command until it wishes for something: where, how far at once, and what came of it.

What is brief is stepped by the reactor's thread itself: to hand a command to a thread and back costs as much as half
of what it does. A command says Aside before what may take long, and is stepped in a thread from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from twisted.python.failure import Failure

from imap.answer import Answer, Aside, Running, Step

PIECE: Final = 65_536  # octets after which a command lets the transport drain


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of stepping a command: octets to write, then the wish, the end, or neither (there is more)."""

    octets: bytes
    step: Step | None
    answer: Answer | None


def take_turn(running: Running, value: object, raised: BaseException | None, aside: bool) -> Turn:
    """Step a command until it wishes for something, ends, or has written PIECE octets.

    `aside`: in a thread of the pool, where the wish for one is granted already.
    """
    pieces: list[bytes] = []
    written = 0
    try:
        step = running.send(value) if raised is None else running.throw(raised)
        while True:
            if isinstance(step, bytes):
                pieces.append(step)
                written += len(step)
                if written >= PIECE:
                    return Turn(b"".join(pieces), None, None)
            elif not (aside and isinstance(step, Aside)):
                return Turn(b"".join(pieces), step, None)
            step = next(running)
    except StopIteration as ended:
        return Turn(b"".join(pieces), None, ended.value)


class Threads(Protocol):
    """How the connection leaves the reactor's thread and comes back to it."""

    def run(self, done: Callable[[Turn | Failure], None], running: Running, value: object, raised: Any) -> None:
        """`take_turn` in the pool; `done` with what came of it in the reactor's thread."""

    def back(self, work: Callable[[], None]) -> None:
        """Run `work` in the reactor's thread."""
