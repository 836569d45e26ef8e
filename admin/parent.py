"""The parent of `mailloft up`: forks every role, starts a dead one again, stops all within 10 s.

It stays single-threaded and opens no database after the fork, so that a child inherits nothing half done. The
kernel kills the children with it (PR_SET_PDEATHSIG), so `kill -9` of the parent ends all. Linux where that matters.
Crash case: a child that dies is started again after a pause that grows with each early death; what it held is freed
by its successor (store/ledger.py).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from role.log import EventLog

_PR_SET_PDEATHSIG: Final = 1
_STOP_WAIT: Final = 8.0  # seconds from SIGTERM to SIGKILL: 10 s is what we promise
_LONGEST_PAUSE: Final = 5.0
_STEADY: Final = 30.0  # who lived that long died of something new
_HOPELESS: Final = 6  # early deaths of one role before the first readiness of all


class Outcome(Enum):
    STOPPED = 0
    HOPELESS = 1


@dataclass(slots=True)
class Child:
    """One process: `start(readiness)` runs in the fork and returns when it has stopped, or executes a program.

    The first octet that is written to the pipe `readiness` says that it answers.
    """

    name: str
    start: Callable[[int], None]
    pid: int = 0  # 0: not running
    readiness: int | None = None  # our end of its pipe while it is not ready
    ready: bool = False
    started: float = 0.0
    early_deaths: int = 0
    due: float = 0.0  # when to start it


@dataclass(slots=True)
class Family:
    """All children, kept running until SIGTERM or SIGINT."""

    children: list[Child]
    log: EventLog
    stopping: bool = False
    _wake: tuple[int, int] = field(default_factory=os.pipe)

    def run(self, on_ready: Callable[[], None]) -> Outcome:
        """Until told to stop; `on_ready` once, when each child has said that it answers."""
        self._listen_for_signals()
        told = False
        while not self.stopping:
            self._start_due()
            if not told and all(child.ready for child in self.children):
                told = True
                on_ready()
            if not told and any(child.early_deaths >= _HOPELESS for child in self.children):
                self._stop()
                return Outcome.HOPELESS
            self._wait()
            self._reap()
        self._stop()
        return Outcome.STOPPED

    def _listen_for_signals(self) -> None:
        for end in self._wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)

    def _told_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.pid == 0 and child.due <= now:
                self._fork(child)

    def _fork(self, child: Child) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        child.pid = os.fork()
        if child.pid == 0:
            os.close(reading)
            self._be(child, writing, parent)
        os.close(writing)
        child.readiness, child.ready, child.started = reading, False, time.monotonic()

    def _be(self, child: Child, writing: int, parent: int) -> None:
        """The life of a child, which never returns into the parent's code."""
        status = 1
        try:
            _die_with(parent)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            # Ctrl-C reaches the whole group; the parent turns it into a SIGTERM for each.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for end in (*self._wake, *(other.readiness for other in self.children)):
                if end is not None:
                    os.close(end)
            child.start(writing)
            status = 0
        except BaseException as error:  # noqa: BLE001 - the last frame of a process: tell the log, then the parent
            EventLog(child.name).error("role died", raised=error)
        finally:
            os._exit(status)

    def _wait(self) -> None:
        """Sleep until a signal, a child's readiness or the next start that is due."""
        pipes = {child.readiness: child for child in self.children if child.readiness is not None}
        pauses = [child.due - time.monotonic() for child in self.children if child.pid == 0]
        patience = max(0.0, min(pauses)) if pauses else None
        readable, _, _ = select.select([self._wake[0], *pipes], [], [], patience)
        for end in readable:
            octets = _drain(end)
            if (child := pipes.get(end)) is not None:
                child.ready = child.ready or bool(octets)
                os.close(end)
                child.readiness = None

    def _reap(self) -> None:
        by_pid = {child.pid: child for child in self.children if child.pid}
        for pid, status in _ended(by_pid):
            child, now = by_pid[pid], time.monotonic()
            child.early_deaths = 0 if now - child.started > _STEADY else child.early_deaths + 1
            pause = min(_LONGEST_PAUSE, 0.1 * 2 ** (child.early_deaths - 1)) if child.early_deaths else 0.0
            child.pid, child.ready, child.due = 0, False, now + pause
            if child.readiness is not None:
                os.close(child.readiness)
                child.readiness = None
            if not self.stopping:
                self.log.warning("process ended", process=child.name, status=status, again_in_seconds=pause)

    def _stop(self) -> None:
        """SIGTERM for each, 8 s for all, then SIGKILL."""
        self.stopping = True
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_WAIT
        while any(child.pid for child in self.children):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                late = [child.name for child in self.children if child.pid]
                self.log.warning("killed what did not stop in time", processes=late, seconds=_STOP_WAIT)
                self._signal(signal.SIGKILL)
                deadline = time.monotonic() + 1.0
            select.select([self._wake[0]], [], [], max(0.0, min(remaining, 0.5)))
            _drain(self._wake[0])
            self._reap()

    def _signal(self, number: signal.Signals) -> None:
        for child in self.children:
            if child.pid:
                os.kill(child.pid, number)


def _ended(pids: Iterable[int]) -> list[tuple[int, int]]:
    """Those of `pids` that ended, with exit status (negative: the signal). Others' children are left to them."""
    ended = []
    for pid in pids:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            ended.append((pid, os.waitstatus_to_exitcode(status)))
    return ended


def _drain(end: int) -> bytes:
    try:
        return os.read(end, 4096)
    except BlockingIOError:
        return b""


def _die_with(parent: int) -> None:
    """End with the parent, also with one that died before this call."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
