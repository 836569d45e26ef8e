"""SEARCH and UID SEARCH (RFC 3501 §6.4.4)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from imap.answer import MalformedError, RefusedError, Running, done
from imap.contents import Contents
from imap.search import COLUMNS, Candidate, found
from imap.session import SELECTED, Command, Session, Table
from imap.wire_cursor import Cursor
from imap.wire_search import Key, search_key
from store import filing
from store.filing import BATCH

_CHARSETS: Final = {b"US-ASCII": "ascii", b"UTF-8": "utf-8"}
_PIECE: Final = 1000  # numbers written at once


def _read(cursor: Cursor) -> Key:
    cursor.space()
    charset = "utf-8"  # what clients send without saying so
    if cursor.word_follows(b"CHARSET"):
        cursor.space()
        name = cursor.astring().upper()
        if name not in _CHARSETS:
            raise RefusedError("US-ASCII and UTF-8 are known", b"BADCHARSET (US-ASCII UTF-8)")
        charset = _CHARSETS[name]
        cursor.space()
    if cursor.ended():
        raise MalformedError("SEARCH wants a key")
    return search_key(cursor, charset)


def _search(session: Session, key: Key, are_uids: bool) -> Running:
    view = session.selected
    last_uid = view.uids[-1] if view.uids else 0
    hits = found(key, _candidates(session), len(view.uids), last_uid)
    numbers = [mail.uid if are_uids else mail.number for mail in hits]
    yield b"* SEARCH"
    for start in range(0, len(numbers), _PIECE):
        yield b"".join(b" %d" % number for number in numbers[start : start + _PIECE])
    yield b"\r\n"
    return done("SEARCH")


def _candidates(session: Session) -> Iterator[Candidate]:
    """All mails of the folder, read in batches, each in a transaction that is over before it is searched."""
    view, now = session.selected, session.backing.now()
    mail, spool = session.backing.stores.mail, session.backing.spool
    for start in range(0, len(view.uids), BATCH):
        with mail.database.read() as tx:
            rows = list(filing.scan(tx, view.folder.id, view.uids[start : start + BATCH], COLUMNS))
        contents = Contents(mail.database, spool, [(row.content_id, row.size_bytes) for row in rows])
        for row in rows:
            read = partial(contents.read, row.content_id)
            number = view.number_of(row.uid)
            yield Candidate(row.uid, number, row.flags, row.internaldate, row.size_bytes, read, now)


COMMANDS: Final[Table] = {
    b"SEARCH": Command(SELECTED, _read, partial(_search, are_uids=False), expunges=False),
    b"UID SEARCH": Command(SELECTED, _read, partial(_search, are_uids=True)),
}
