"""THREAD and UID THREAD: REFERENCES, ORDEREDSUBJECT (RFC 5256 §3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from imap import results
from imap.answer import MalformedError, RefusedError, Running, done
from imap.finding import found
from imap.ordering import MOST, ordered
from imap.results import Hits
from imap.session import SELECTED, Command, Session, Table
from imap.wire_cursor import Cursor
from imap.wire_search import Key
from mail.threads import Node, Threaded, by_references, by_subject, written

_ALGORITHMS: Final[dict[bytes, Callable[[Sequence[Threaded]], list[Node]]]] = {
    b"ORDEREDSUBJECT": by_subject,
    b"REFERENCES": by_references,
}


@dataclass(frozen=True, slots=True)
class Thread:
    algorithm: bytes
    key: Key


def _read(cursor: Cursor) -> Thread:
    cursor.space()
    algorithm = cursor.keyword()
    if algorithm not in _ALGORITHMS:
        raise MalformedError("THREAD knows REFERENCES and ORDEREDSUBJECT")
    cursor.space()
    charset = results.read_charset(cursor)
    cursor.space()
    return Thread(algorithm, results.read_key(cursor, charset))


def _thread(session: Session, asked: Thread, are_uids: bool) -> Running:
    hits = Hits.of(found(session, asked.key), asked.key)
    if len(hits.uids) > MOST:
        raise RefusedError(f"more than {MOST} mails are not threaded", b"LIMIT")
    mails = [Threaded(mail.uid if are_uids else mail.number, mail.sent, mail.keys) for mail in ordered(session, hits)]
    yield b"* THREAD "
    yield from written(_ALGORITHMS[asked.algorithm](mails))
    yield b"\r\n"
    return done("THREAD")


COMMANDS: Final[Table] = {
    b"THREAD": Command(SELECTED, _read, partial(_thread, are_uids=False), expunges=False),
    b"UID THREAD": Command(SELECTED, _read, partial(_thread, are_uids=True)),
}
