"""One connection: octets in, steps of commands out, one command at a time, never more than a little in memory.

Runs in the reactor's thread. While a command runs (imap/stepping.py) or the client does not read, its next one waits in
the decoder (imap/streams.py); once READ_AHEAD octets wait, the socket is not read any more. While the transport is full
the command is not stepped on, so a client that asks for much and reads nothing costs one piece.
STARTTLS forgets all that came before the handshake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from prometheus_client import Gauge
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from imap.answer import Answer, Ask, Condition, Step, Then
from imap.deadline import Deadline
from imap.deflate import BrokenStreamError
from imap.dialogue import greeting, perform, unasked
from imap.session import Session
from imap.stepping import Stepping
from imap.streams import Streams
from imap.strikes import Strikes
from imap.surroundings import Surroundings
from imap.turn import Turn
from imap.watching import Watching
from imap.wire import Broken, Continue, Event, Request

SESSIONS: Final = Gauge("mailloft_imap_sessions", "Connections that are open")

READ_AHEAD: Final = 65_536  # octets received beyond the command that runs
BRIEF_LINE: Final = 1024  # octets of a command, above which even to parse it is left to a thread
SIGN_IN_TIME: Final = 60.0
IDLE_TIME: Final = 1800.0  # RFC 3501 §5.4
STALLED_TIME: Final = 300.0  # for a client that does not read what it asked for
FAREWELL_TIME: Final = 10.0  # for a client that does not close its end


class Connection(TwistedProtocol):
    """Also the push producer that its transport pauses and resumes."""

    def __init__(self, session: Session, around: Surroundings, closed: Callable[[Connection], None]) -> None:
        self._session = session
        self._around = around
        self._closed = closed
        self._streams = Streams(around.budget)
        self._deadline = Deadline(around.reactor, self._timed_out)
        self._stepping = Stepping(around, self._stepped)
        self._watching = Watching(around.notifier, self.wake)
        self._strikes = Strikes()
        self._asked: Ask | None = None
        self._working = False
        self._more = False  # the command has more to write, once the transport is drained
        self._stalled = False
        self._unasked = False  # what runs is no command: it tells what NOTIFY asked for
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
        self._stepping.rested()
        if self._session.account is not None and not self._stalled:
            self._deadline.put_off()
        self._streams.receive(data)
        self._work()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        SESSIONS.dec()
        self._lost = True
        self._deadline.set(None)
        self._streams.release()
        self._watching.end()
        self._stepping.abandon()
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
            self._stepping.step()
        elif self._watching.woken:
            self.wake()
        else:
            self._work()

    def stopProducing(self) -> None:  # noqa: N802
        """connectionLost follows."""

    @property
    def _transport(self) -> Any:
        return self.transport

    def _write(self, octets: bytes) -> None:
        self._transport.write(self._streams.sent(octets))

    # --- commands in their order -----------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return self._stepping.running is not None and self._asked is None

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
            event = self._next_event()
            if event is None:
                break
            if isinstance(event, Continue):
                self._write(b"+ go ahead\r\n")
            elif isinstance(event, Broken):
                self._break(event)
            else:
                self._hear(event)

    def _next_event(self) -> Event | None:
        try:
            return self._streams.next_event(self._session.limits)
        except BrokenStreamError:
            self._leave(b"* BYE that is no deflate stream\r\n")
            return None

    def _read_or_not(self) -> None:
        reads = not (self._busy or self._stalled) or self._streams.waiting <= READ_AHEAD
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
            self._stepping.step(request.line)
        else:
            is_long = bool(request.literals) or len(request.line) > BRIEF_LINE
            self._stepping.begin(perform(self._session, request, self._around.unforeseen), aside=is_long)

    def _break(self, broken: Broken) -> None:
        self._streams.release()
        self._write(Answer(Condition.NO if broken.code else Condition.BAD, broken.text, broken.code).line(broken.tag))
        if broken.fatal:
            self._leave(b"* BYE that cannot be read on\r\n")
        else:
            self._strike(Condition.BAD)

    def _stepped(self, turn: Turn | Failure) -> None:
        if isinstance(turn, Failure):
            self._around.unforeseen("connection", turn.value or RuntimeError(str(turn)))
            self._transport.abortConnection()
            self._stepping.abandon()
            return
        if self._lost or self._left:
            self._stepping.abandon()
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
            self._stepping.step()

    def _grant(self, step: Step) -> None:
        if isinstance(step, Ask):
            self._ask(step)
        else:
            self._stepping.grant(step, self._transport)

    def _ask(self, ask: Ask) -> None:
        if ask.prompt is not None:
            self._write(ask.prompt)
        self._asked = ask
        if self._closing:
            self._leave(b"* BYE shutting down\r\n")
            return
        if ask.wakes:
            self._watching.follow(self._session.watched)
        if self._watching.woken:
            self.wake()
        else:
            self._work()

    def _finish(self, answer: Answer) -> None:
        self._stepping.running = None
        self._streams.release()
        if self._session.tidings is None:
            self._watching.end()
        if answer.then is Then.CLOSE or self._closing:
            self._leave(b"" if answer.then is Then.CLOSE else b"* BYE shutting down\r\n")
            return
        if answer.then is Then.START_TLS:
            self._start_tls()
        elif answer.then is Then.COMPRESS:
            self._streams.compress()
        self._strike(answer.condition)
        self._work()
        self._volunteer()

    def _start_tls(self) -> None:
        self._streams.forget()
        self._transport.startTLS(self._around.tls_context)
        self._session.secure = True

    def _strike(self, condition: Condition) -> None:
        if self._strikes.too_many(condition, signed_in=self._session.account is not None):
            self._leave(b"* BYE too many errors\r\n")
        elif condition is Condition.OK:
            self._signed_in()

    def _signed_in(self) -> None:
        if self._session.account is not None and self._deadline.seconds == SIGN_IN_TIME:
            self._deadline.set(IDLE_TIME)

    # --- waking and leaving ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """A watched folder has changed."""
        if self._asked is None or not self._asked.wakes or self._stalled:
            self._watching.woken = True
            self._volunteer()
            return
        self._asked, self._watching.woken = None, False
        self._stepping.step()

    def _volunteer(self) -> None:
        """Between two commands, tell what NOTIFY asked for, where there may be something."""
        if self._stepping.running is not None or self._session.tidings is None or self._left or self._lost:
            return
        self._watching.follow(self._session.watched)
        if self._watching.woken and not self._stalled:
            self._watching.woken, self._unasked = False, True
            self._stepping.begin(unasked(self._session, self._around.unforeseen), aside=True)

    def _told(self) -> None:
        self._stepping.running, self._unasked = None, False
        if self._closing:
            self._leave(b"* BYE shutting down\r\n")
            return
        self._work()
        self._volunteer()

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
        self._stepping.abandon()
        self._write(farewell)
        self._transport.unregisterProducer()
        self._transport.loseConnection()
        self._deadline.set(FAREWELL_TIME)
