"""What a command says at its end, what it may ask of the connection before that, and what it may raise.

A command is a generator of steps: octets to be written, or a wish that the connection grants and answers by `send`.
So no command knows sockets or threads, and a test plays the connection.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class Condition(Enum):
    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"


class Then(Enum):
    """What the connection does once the answer is written."""

    GO_ON = "go on"
    START_TLS = "start TLS"
    COMPRESS = "compress"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Answer:
    condition: Condition
    text: bytes
    code: bytes = b""  # a response code without its brackets (RFC 3501 §7.1)
    then: Then = Then.GO_ON

    def line(self, tag: bytes) -> bytes:
        code = b"[" + self.code + b"] " if self.code else b""
        return b"%b %b %b%b\r\n" % (tag, self.condition.value, code, self.text)


@dataclass(frozen=True, slots=True)
class Ask:
    """A line of the client is wanted: answered with its octets, or with None when `wakes` and a folder has changed."""

    prompt: bytes | None
    wakes: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Answered with the future's result; what it raises is raised in the command. No thread is held meanwhile."""

    future: Future[Any]


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Aside:
    """What follows, up to the next Wait, may take long: it is stepped in a thread, not between others' octets."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Answered with the data of the channel binding of that name (RFC 5929, RFC 9266), or None where there is none."""

    binding: str


ASIDE: Final = Aside()
Step = bytes | Ask | Wait | Pause | Aside | Channel
Running = Generator[Step, Any, Answer]
Telling = Generator[Step, Any, None]


class MalformedError(Exception):
    """The client's words are none of the grammar: BAD with this text."""


class RefusedError(Exception):
    """The command cannot be done: NO with this text and response code."""

    def __init__(self, text: str, code: bytes = b"") -> None:
        super().__init__(text)
        self.code = code


def done(command: str, code: bytes = b"", then: Then = Then.GO_ON) -> Answer:
    return Answer(Condition.OK, command.encode() + b" completed", code, then)
