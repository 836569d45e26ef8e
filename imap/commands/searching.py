"""SEARCH and UID SEARCH (RFC 3501 §6.4.4), with RETURN (RFC 4731) and SAVE (RFC 5182)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from imap import results
from imap.answer import Running, done
from imap.extension import Extension
from imap.finding import found
from imap.results import Hits
from imap.session import SELECTED, Command, Session, Table
from imap.wire_cursor import Cursor
from imap.wire_search import Key


@dataclass(frozen=True, slots=True)
class Search:
    """`returns`: what ESEARCH is to tell; None: the old answer."""

    key: Key
    returns: frozenset[bytes] | None


def _read(cursor: Cursor) -> Search:
    cursor.space()
    returns = results.read_returns(cursor)
    charset = "utf-8"  # what clients send without saying so
    if cursor.word_follows(b"CHARSET"):
        cursor.space()
        charset = results.read_charset(cursor)
        cursor.space()
    return Search(results.read_key(cursor, charset), returns)


def _search(session: Session, asked: Search, are_uids: bool) -> Running:
    returns = asked.returns
    if returns is None and session.has(Extension.REV2):  # RFC 9051 §6.4.4: no other answer there
        returns = frozenset((b"ALL",))
    if results.tells_modseq(asked.key):
        session.enable(Extension.CONDSTORE)
    hits = Hits.of(found(session, asked.key), asked.key)
    if returns is None:
        yield from results.plain(b"SEARCH", hits, are_uids)
        return done("SEARCH")
    if b"SAVE" in returns:
        results.save(session.selected, hits, returns)
    yield from results.extended(session.tag, hits, returns, are_uids)
    return done("SEARCH")


COMMANDS: Final[Table] = {
    b"SEARCH": Command(SELECTED, _read, partial(_search, are_uids=False), expunges=False),
    b"UID SEARCH": Command(SELECTED, _read, partial(_search, are_uids=True)),
}
