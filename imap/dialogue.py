"""One request -> the steps of its answer: parsed, judged by state, run, news told, tagged (RFC 3501 §5.5, §6).

Nothing that a client sends raises from here: bad words become BAD, a failed command NO, and what we did not foresee
is handed to `unforeseen` for the log and answered NO. `HANDLED` and `TOOK` are the figures of /metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from prometheus_client import Counter, Histogram

from imap.answer import ASIDE, Answer, Condition, MalformedError, RefusedError, Running
from imap.commands.table import COMMANDS
from imap.session import Command, Session
from imap.tidings import news, volunteered
from imap.wire import Request
from imap.wire_cursor import Cursor
from store.folder_state import FolderGoneError
from store.mail_flags import TooManyFlagsError

# command: one of COMMANDS or "unknown"; result: OK, NO, BAD
HANDLED: Final = Counter("mailloft_imap_commands_total", "Commands answered", ["command", "result"])
TOOK: Final = Histogram(
    "mailloft_imap_command_seconds",
    "From a command's last octet to its answer",
    ["command"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60),
)
Unforeseen = Callable[[str, BaseException], None]


def greeting(session: Session) -> bytes:
    return b"* OK [CAPABILITY " + session.capabilities + b"] Mailloft is ready\r\n"


def perform(session: Session, request: Request, unforeseen: Unforeseen) -> Running:
    """Everything there is to say to `request`, its tagged line included; the Answer is for the connection."""
    began = time.monotonic()
    cursor = Cursor(request, session.utf8_names)
    name, answer = b"unknown", Answer(Condition.BAD, b"no tag")
    try:
        session.tag = tag = _tag(cursor, request)
        name, command = _command(cursor)
        answer = yield from _run(session, command, cursor)
    except MalformedError as error:
        tag, answer = request.tag, Answer(Condition.BAD, _text(error))
    except RefusedError as error:
        answer = Answer(Condition.NO, _text(error), error.code)
    except TooManyFlagsError as error:
        answer = Answer(Condition.NO, _text(error), b"LIMIT")
    except FolderGoneError:
        answer = Answer(Condition.NO, b"the folder is gone", b"NONEXISTENT")
    except Exception as error:  # noqa: BLE001 - one command that fails ends neither session nor process
        unforeseen(name.decode(), error)
        answer = Answer(Condition.NO, b"that failed here, and was logged; try again", b"SERVERBUG")
    # Whether it went well or not, the client hears what has changed before the tagged line.
    yield from news(session, name not in COMMANDS or COMMANDS[name].expunges)
    yield answer.line(tag)
    _handled(name, answer.condition).inc()
    _took(name).observe(time.monotonic() - began)
    return answer


def unasked(session: Session, unforeseen: Unforeseen) -> Running:
    """What NOTIFY tells between two commands; nothing raises."""
    try:
        return (yield from volunteered(session))
    except Exception as error:  # noqa: BLE001 - as in `perform`; the next change is another chance
        unforeseen("NOTIFY", error)
        return Answer(Condition.OK, b"")


@cache
def _handled(name: bytes, condition: Condition) -> Counter:
    """Looked up once: that costs more than to count."""
    return HANDLED.labels(name.decode(), condition.name)


@cache
def _took(name: bytes) -> Histogram:
    return TOOK.labels(name.decode())


def _run(session: Session, command: Command[Any], cursor: Cursor) -> Running:
    if session.state not in command.states:
        raise MalformedError(f"not now: the session is {session.state.value}")
    arguments = command.parse(cursor)
    cursor.end()
    if not command.brief:
        yield ASIDE
    return (yield from command.run(session, arguments))


def _tag(cursor: Cursor, request: Request) -> bytes:
    tag = request.tag
    if tag == b"*":
        raise MalformedError("a command begins with its tag")
    cursor.expect(tag)
    cursor.space()
    return tag


def _command(cursor: Cursor) -> tuple[bytes, Command[Any]]:
    name = cursor.keyword()
    if name == b"UID":
        cursor.space()
        name = b"UID " + cursor.keyword()
    if name not in COMMANDS:
        raise MalformedError(f"no such command: {name[:40].decode('ascii')}")
    return name, COMMANDS[name]


def _text(error: Exception) -> bytes:
    return str(error).encode("ascii", "backslashreplace")
