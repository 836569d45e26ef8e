"""A command is stepped until it wishes for something; the wish for a thread is granted where there is one already."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.task import Clock

from imap.answer import ASIDE, Answer, Condition, Running, Wait, done
from imap.protocol import Connection
from imap.session import Session
from imap.stepping import IN_A_ROW
from imap.surroundings import Surroundings
from imap.turn import PIECE, take_turn


def _long() -> Running:
    yield b"before"
    yield ASIDE
    yield b"after"
    return done("LONG")


def test_the_reactor_hears_of_the_wish_before_what_takes_long() -> None:
    running = _long()
    turn = take_turn(running, None, None, aside=False)
    assert (turn.octets, turn.step, turn.answer) == (b"before", ASIDE, None)
    rest = take_turn(running, None, None, aside=True)
    assert (rest.octets, rest.answer) == (b"after", done("LONG"))


def test_in_a_thread_the_wish_is_no_stop() -> None:
    turn = take_turn(_long(), None, None, aside=True)
    assert (turn.octets, turn.step, turn.answer) == (b"beforeafter", None, done("LONG"))


def test_much_is_written_piece_by_piece_wherever_it_is_stepped() -> None:
    def much() -> Running:
        for _ in range(3):
            yield b"x" * PIECE
        return Answer(Condition.OK, b"")

    for aside in (False, True):
        running = much()
        turns = [take_turn(running, None, None, aside) for _ in range(4)]
        assert [len(turn.octets) for turn in turns] == [PIECE] * 3 + [0]
        assert [turn.answer is None for turn in turns] == [True, True, True, False]


def test_what_a_future_raised_is_raised_in_the_command() -> None:
    waited: Future[Any] = Future()

    def waits() -> Running:
        try:
            yield Wait(waited)
        except ValueError:
            return Answer(Condition.NO, b"heard of it")
        return Answer(Condition.OK, b"")

    running = waits()
    assert take_turn(running, None, None, aside=False).step == Wait(waited)
    assert take_turn(running, None, ValueError(), aside=False).answer == Answer(Condition.NO, b"heard of it")


class _Later:
    """Threads that begin when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run(self, done: Callable[[Any], None], running: Running, value: object, raised: Any) -> None:
        self.waiting.append(lambda: done(take_turn(running, value, raised, aside=True)))

    def back(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)


class _Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.holds_back = True

    def setTcpNoDelay(self, on: bool) -> None:  # noqa: N802
        self.holds_back = not on

    def write(self, octets: bytes) -> None:
        self.written += octets

    def registerProducer(self, *_: object) -> None:  # noqa: N802 - Twisted's name
        """Nothing here is ever full."""

    def pauseProducing(self) -> None:  # noqa: N802
        """It has all been sent."""

    resumeProducing = pauseProducing  # noqa: N815


def _connected(in_threads: bool) -> tuple[Connection, _Wire, _Later]:
    threads, wire = _Later(), _Wire()
    around = Surroundings(Clock(), threads, cast(Any, None), print, None, cast(Any, None), in_threads)
    backing = SimpleNamespace(offers_tls=False, plaintext_login=True)
    connection = Connection(Session(cast(Any, backing), "peer", secure=False), around, print)
    cast(Any, connection).makeConnection(wire)
    wire.written = b""
    return connection, wire, threads


def test_one_connection_has_the_reactor_for_so_many_commands_and_then_waits_for_a_thread() -> None:
    connection, wire, threads = _connected(in_threads=False)
    connection.dataReceived(b"a NOOP\r\n" * 50)
    assert wire.written == b"a OK NOOP completed\r\n" * IN_A_ROW
    while threads.waiting:
        threads.waiting.pop()()
    assert wire.written == b"a OK NOOP completed\r\n" * 50


def test_the_end_of_an_answer_waits_for_no_acknowledgement() -> None:
    _, wire, _ = _connected(in_threads=False)
    assert not wire.holds_back


def test_where_a_database_may_let_us_wait_the_reactor_steps_nothing() -> None:
    connection, wire, threads = _connected(in_threads=True)
    connection.dataReceived(b"a NOOP\r\n")
    assert wire.written == b""
    threads.waiting.pop()()
    assert wire.written == b"a OK NOOP completed\r\n"
