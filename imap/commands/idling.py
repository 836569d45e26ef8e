"""IDLE (RFC 2177): the connection wakes us when a folder that it watches has changed, the client ends it with DONE."""

from __future__ import annotations

from typing import Final

from imap.answer import Ask, MalformedError, Running, done
from imap.commands.anytime import nothing
from imap.session import SIGNED_IN, Command, Session, Table
from imap.tidings import news


def _idle(session: Session, _: None) -> Running:
    yield from news(session, expunges=True)
    line = yield Ask(b"+ idling\r\n", wakes=True)
    while line is None:
        yield from news(session, expunges=True)
        if session.tidings is not None:
            yield from session.tidings.told(session)
        line = yield Ask(None, wakes=True)
    if line.upper() != b"DONE":
        raise MalformedError("DONE expected")
    return done("IDLE")


COMMANDS: Final[Table] = {b"IDLE": Command(SIGNED_IN, nothing, _idle, brief=True)}
