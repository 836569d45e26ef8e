"""One connection: octets in, steps of commands out, one command at a time, never more than a little in memory.

Runs in the reactor's thread; so do brief commands, others are stepped in a thread pool (imap/turn.py). While one runs
or the client does not read, its next one waits in the decoder; once READ_AHEAD octets wait, the socket is not read any
more. While the transport is full the command is not stepped on, so a client that asks for much and reads nothing costs
one piece.
STARTTLS forgets all that came before the handshake.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Counter, Gauge
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from imap import channel
from imap.answer import Answer, Aside, Ask, Channel, Condition, Pause, Running, Step, Then, Wait
from imap.budget import Budget
from imap.deadline import Deadline
from imap.deflate import BrokenStreamError, Deflate
from imap.dialogue import Unforeseen, greeting, perform, unasked
from imap.notify import Notifier
from imap.session import Session
from imap.turn import Threads, Turn, take_turn
from imap.wire import Broken, Continue, Decoder, Request

SESSIONS: Final = Gauge("mailloft_imap_sessions", "Connections that are open")
OCTETS: Final = Counter("mailloft_imap_octets_total", "Octets of commands and answers", ["direction"])  # in, out

_IN: Final = OCTETS.labels("in")
_OUT: Final = OCTETS.labels("out")

READ_AHEAD: Final = 65_536  # octets received beyond the command that runs
BRIEF_LINE: Final = 1024  # octets of a command, above which even to parse it is left to a thread
IN_A_ROW: Final = 20  # steps that one connection has of the reactor's thread before others have theirs
SIGN_IN_TIME: Final = 60.0
IDLE_TIME: Final = 1800.0  # RFC 3501 §5.4
STALLED_TIME: Final = 300.0  # for a client that does not read what it asked for
FAREWELL_TIME: Final = 10.0  # for a client that does not close its end
STRIKES_BEFORE: Final = 10  # BAD and NO before the sign-in
STRIKES: Final = 100  # BAD in a row afterwards


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of a process share. `in_threads`: every command is stepped there, brief or not."""

    reactor: Any
    threads: Threads
    notifier: Notifier
    unforeseen: Unforeseen
    tls_context: Any
    budget: Budget
    in_threads: bool


class Connection(TwistedProtocol):
    """Also the push producer that its transport pauses and resumes."""

    def __init__(self, session: Session, around: Surroundings, closed: Callable[[Connection], None]) -> None:
        self._session = session
        self._around = around
        self._closed = closed
        self._decoder = Decoder(budget=around.budget)
        self._deadline = Deadline(around.reactor, self._timed_out)
        self._deflate: Deflate | None = None
        self._running: Running | None = None
        self._asked: Ask | None = None
        self._in_thread = False
        self._aside = True  # the command that runs is stepped in a thread
        self._in_a_row = 0  # steps since the reactor's last turn
        self._working = False
        self._more = False  # the command has more to write, once the transport is drained
        self._stalled = False
        self._watched: frozenset[int] = frozenset()
        self._unasked = False  # what runs is no command: it tells what NOTIFY asked for
        self._woken = False
        self._strikes = 0
        self._reading = True
        self._closing = False  # BYE is due when the command that runs has ended
        self._left = False  # BYE was said
        self._lost = False

    @property
    def peer(self) -> str:
        return self._session.peer

    # --- the transport ---------------------------------------------------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        SESSIONS.inc()
        # Else the end of an answer of several segments waits until the client's kernel acknowledges them: 40 ms.
        self._transport.setTcpNoDelay(True)
        self._transport.registerProducer(self, True)
        self._deadline.set(SIGN_IN_TIME)
        self._write(greeting(self._session))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        _IN.inc(len(data))
        self._in_a_row = 0
        if self._session.account is not None and not self._stalled:
            self._deadline.put_off()
        if self._deflate is None:
            self._decoder.receive(data)
        else:
            self._deflate.receive(data)
        self._work()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        SESSIONS.dec()
        self._lost = True
        self._deadline.set(None)
        self._decoder.release()
        self._unwatch()
        if not self._in_thread:
            self._abandon()
        self._closed(self)

    def _timed_out(self) -> None:
        if self._stalled or self._left:
            self._transport.abortConnection()
        elif self._busy and self._session.account is not None:
            self._deadline.set(IDLE_TIME)  # it is we who are slow
        else:
            self._leave(b"* BYE too long without a word\r\n")

    def pauseProducing(self) -> None:  # noqa: N802
        """The client does not read as fast as it asks."""
        self._stalled = True
        self._deadline.set(STALLED_TIME)

    def resumeProducing(self) -> None:  # noqa: N802
        self._stalled = False
        self._deadline.set(SIGN_IN_TIME if self._session.account is None else IDLE_TIME)
        if self._more:
            self._more = False
            self._step()
        elif self._woken:
            self.wake()
        else:
            self._work()

    def stopProducing(self) -> None:  # noqa: N802
        """connectionLost follows."""

    @property
    def _transport(self) -> Any:
        return self.transport

    def _write(self, octets: bytes) -> None:
        if self._deflate is not None and octets:
            octets = self._deflate.wrap(octets)
        _OUT.inc(len(octets))
        self._transport.write(octets)

    # --- commands in their order -----------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return self._running is not None and self._asked is None

    def _work(self) -> None:
        """Take events until a command runs, the output is full, or more octets are wanted."""
        if self._working:  # further down the stack; a brief command has ended there
            return
        self._working = True
        try:
            self._take_events()
        finally:
            self._working = False
        self._read_or_not()

    def _take_events(self) -> None:
        while not (self._busy or self._stalled or self._left or self._lost):
            self._decoder.limits = self._session.limits
            event = self._decoder.next_event()
            if event is None:
                if not self._inflated():
                    break
                continue
            if isinstance(event, Continue):
                self._write(b"+ go ahead\r\n")
            elif isinstance(event, Broken):
                self._break(event)
            else:
                self._hear(event)

    def _inflated(self) -> bool:
        """Whether the decoder has got more octets out of the compressed ones."""
        if self._deflate is None or not self._deflate.waiting:
            return False
        try:
            octets = self._deflate.inflated()
        except BrokenStreamError:
            self._leave(b"* BYE that is no deflate stream\r\n")
            return False
        self._decoder.receive(octets)
        return bool(octets)

    def _read_or_not(self) -> None:
        waiting = self._decoder.waiting + (self._deflate.waiting if self._deflate is not None else 0)
        reads = not (self._busy or self._stalled) or waiting <= READ_AHEAD
        if reads is self._reading or self._left or self._lost:
            return
        self._reading = reads
        if reads:
            self._transport.resumeProducing()
        else:
            self._transport.pauseProducing()

    def _hear(self, request: Request) -> None:
        if self._asked is not None:
            self._asked = None
            self._step(request.line)
        else:
            self._running = perform(self._session, request, self._around.unforeseen)
            is_long = bool(request.literals) or len(request.line) > BRIEF_LINE
            self._aside = self._around.in_threads or is_long
            self._step()

    def _break(self, broken: Broken) -> None:
        self._decoder.release()
        self._write(Answer(Condition.NO if broken.code else Condition.BAD, broken.text, broken.code).line(broken.tag))
        if broken.fatal:
            self._leave(b"* BYE that cannot be read on\r\n")
        else:
            self._strike(Condition.BAD)

    def _step(self, value: object = None, raised: BaseException | None = None) -> None:
        assert self._running is not None
        self._in_thread = True
        if self._aside or self._in_a_row >= IN_A_ROW:
            self._in_a_row = 0
            self._around.threads.run(self._stepped, self._running, value, raised)
            return
        self._in_a_row += 1
        turn: Turn | Failure
        try:
            turn = take_turn(self._running, value, raised, aside=False)
        except Exception:  # noqa: BLE001 - whatever it is, it ends this connection and no other
            turn = Failure()  # type: ignore[no-untyped-call]  # Twisted's
        self._stepped(turn)

    def _stepped(self, turn: Turn | Failure) -> None:
        self._in_thread = False
        if isinstance(turn, Failure):
            self._around.unforeseen("connection", turn.value or RuntimeError(str(turn)))
            self._transport.abortConnection()
            self._abandon()
            return
        if self._lost or self._left:
            self._abandon()
            return
        if turn.octets:
            self._write(turn.octets)
        if turn.answer is not None and self._unasked:
            self._told()
        elif turn.answer is not None:
            self._finish(turn.answer)
        elif turn.step is not None:
            self._grant(turn.step)
        elif self._stalled:
            self._more = True
        else:
            self._step()

    def _grant(self, step: Step) -> None:
        if isinstance(step, Wait):
            step.future.add_done_callback(lambda future: self._around.threads.back(lambda: self._waited(future)))
        elif isinstance(step, Pause):
            self._around.reactor.callLater(step.seconds, self._paused)
        elif isinstance(step, Aside):
            self._aside = True
            self._step()
        elif isinstance(step, Channel):
            self._step(channel.data_of(self._transport, step.binding))
        elif isinstance(step, Ask):
            self._ask(step)

    def _waited(self, future: Future[Any]) -> None:
        if self._running is not None:
            self._aside = self._around.in_threads
            error = future.exception()
            self._step(None if error else future.result(), error)

    def _paused(self) -> None:
        if self._running is not None:
            self._step()

    def _ask(self, ask: Ask) -> None:
        if ask.prompt is not None:
            self._write(ask.prompt)
        self._asked = ask
        if self._closing:
            self._leave(b"* BYE shutting down\r\n")
            return
        if ask.wakes:
            self._watch()
        if self._woken:
            self.wake()
        else:
            self._work()

    def _finish(self, answer: Answer) -> None:
        self._running = None
        self._decoder.release()
        if self._session.tidings is None:
            self._unwatch()
        if answer.then is Then.CLOSE or self._closing:
            self._leave(b"" if answer.then is Then.CLOSE else b"* BYE shutting down\r\n")
            return
        if answer.then is Then.START_TLS:
            self._start_tls()
        elif answer.then is Then.COMPRESS:
            self._decoder.forget()
            self._deflate = Deflate()
        self._strike(answer.condition)
        self._work()
        self._volunteer()

    def _start_tls(self) -> None:
        self._decoder.forget()
        self._transport.startTLS(self._around.tls_context)
        self._session.secure = True

    def _strike(self, condition: Condition) -> None:
        """Count what goes wrong: a client that only errs is no client."""
        if condition is Condition.OK:
            if self._strikes and self._session.account is not None:
                self._strikes = 0
            self._signed_in()
            return
        before = self._session.account is None
        self._strikes += 1 if before or condition is Condition.BAD else 0
        if self._strikes >= (STRIKES_BEFORE if before else STRIKES):
            self._leave(b"* BYE too many errors\r\n")

    def _signed_in(self) -> None:
        if self._session.account is not None and self._deadline.seconds == SIGN_IN_TIME:
            self._deadline.set(IDLE_TIME)

    # --- waking and leaving ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """A watched folder has changed."""
        if self._asked is None or not self._asked.wakes or self._stalled:
            self._woken = True
            self._volunteer()
            return
        self._asked, self._woken = None, False
        self._step()

    def _volunteer(self) -> None:
        """Between two commands, tell what NOTIFY asked for, where there may be something."""
        if self._running is not None or self._session.tidings is None or self._left or self._lost:
            return
        self._watch()
        if self._woken and not self._stalled:
            self._woken, self._unasked = False, True
            self._aside = True
            self._running = unasked(self._session, self._around.unforeseen)
            self._step()

    def _told(self) -> None:
        self._running, self._unasked = None, False
        if self._closing:
            self._leave(b"* BYE shutting down\r\n")
            return
        self._work()
        self._volunteer()

    def _watch(self) -> None:
        wanted = self._session.watched
        for folder_id in wanted - self._watched:
            self._around.notifier.watch(folder_id, self.wake)
            self._woken = True  # what changed before the watch began is looked for once
        for folder_id in self._watched - wanted:
            self._around.notifier.unwatch(folder_id, self.wake)
        self._watched = wanted

    def _unwatch(self) -> None:
        for folder_id in self._watched:
            self._around.notifier.unwatch(folder_id, self.wake)
        self._watched, self._woken = frozenset(), False

    def shut_down(self) -> None:
        """Say BYE, after the command that is running."""
        if self._busy:
            self._closing = True
        else:
            self._leave(b"* BYE shutting down\r\n")

    def cut(self) -> None:
        """The time for a farewell is over."""
        self._transport.abortConnection()

    def _leave(self, farewell: bytes) -> None:
        if self._left or self._lost:
            return
        self._left = True
        self._asked = None
        if not self._in_thread:
            self._abandon()
        self._write(farewell)
        self._transport.unregisterProducer()
        self._transport.loseConnection()
        self._deadline.set(FAREWELL_TIME)

    def _abandon(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None
