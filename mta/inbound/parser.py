"""The parent's side of the parsing child: one message in, its values out, or the news that it killed the child.

Blocking, for one thread (the sorter's). A child that dies or is silent for SECONDS is replaced; what it was reading is
the caller's to judge. Raises ParserDied.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from typing import Final

import msgspec

from mta.inbound.parse_child import Read

SECONDS: Final = 20.0  # of real time; the child's CPU limit is tighter
_START: Final = 60.0  # seconds for a child to import what it needs, on a machine that has much to do
_LENGTH: Final = 4
_MESSAGES: Final = 5000  # after which a child is replaced, so that no leak of a parser grows
_COMMAND: Final = (sys.executable, "-c", "from mta.inbound.parse_child import main; main()")


class ParserDied(Exception):  # noqa: N818 - the message's doing, not an error of ours
    """The child ended, or had to be ended, while it read this message; the text says how."""


class Parser:
    """One child at a time, started when it is first needed."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0
        self._decoder = msgspec.json.Decoder(Read)

    def start(self) -> None:
        """Have a child ready, so that what follows is the message's time."""
        self._running()

    def read(self, reverse_path: str, content: bytes) -> Read:
        """ParserDied where the message killed the child, or was not read in time."""
        child = self._running()
        try:
            until = time.monotonic() + self._seconds
            _ask(child, reverse_path.encode(), content, until)
            read = self._decoder.decode(_answer(child, until))
        except (BrokenPipeError, msgspec.MsgspecError, ParserDied) as error:
            status = self.close()
            raise ParserDied(f"{error} (status {status})") from error
        self._served += 1
        return read

    def close(self) -> int | None:
        """End the child; its exit status, negative for a signal."""
        child, self._child, self._served = self._child, None, 0
        if child is None:
            return None
        child.kill()
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                pipe and pipe.close()
        return child.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._served >= _MESSAGES:
            self.close()
        if self._child is None or self._child.poll() is not None:
            self.close()
            # No environment but where modules are: what is not there cannot be read by whoever takes the child over.
            kept = {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
            self._child = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=kept, bufsize=0)
            _answer(self._child, time.monotonic() + _START)
        return self._child


def _ask(child: subprocess.Popen[bytes], path: bytes, content: bytes, until: float) -> None:
    assert child.stdin is not None
    octets = memoryview(len(path).to_bytes(_LENGTH, "big") + len(content).to_bytes(_LENGTH, "big") + path + content)
    descriptor = child.stdin.fileno()
    os.set_blocking(descriptor, False)
    while octets:
        _, writable, _ = select.select([], [descriptor], [], max(0.0, until - time.monotonic()))
        if not writable:
            raise ParserDied("the parser takes nothing")
        octets = octets[os.write(descriptor, octets) :]


def _answer(child: subprocess.Popen[bytes], until: float) -> bytes:
    assert child.stdout is not None
    descriptor = child.stdout.fileno()
    length = int.from_bytes(_exactly(descriptor, _LENGTH, until), "big")
    return _exactly(descriptor, length, until)


def _exactly(descriptor: int, length: int, until: float) -> bytes:
    found = bytearray()
    while len(found) < length:
        readable, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
        if not readable:
            raise ParserDied("the parser is not done in time")
        block = os.read(descriptor, min(length - len(found), 1 << 20))
        if not block:
            raise ParserDied("the parser ended")
        found += block
    return bytes(found)
