"""SEARCH and UID SEARCH (RFC 3501 §6.4.4), with RETURN (RFC 4731) and SAVE (RFC 5182)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from imap import results
from imap.answer import ASIDE, MalformedError, RefusedError, Running, done
from imap.extension import Extension
from imap.finding import found
from imap.results import Hits
from imap.session import FEW, SELECTED, Command, Session, Table
from imap.wire_cursor import Cursor
from imap.wire_search import Key


@dataclass(frozen=True, slots=True)
class Search:
    """`returns`: what ESEARCH is to tell; None: the old answer."""

    key: Key
    returns: frozenset[bytes] | None
    names_charset: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A search in a charset that we do not know; with what it was to return."""

    returns: frozenset[bytes] | None
    error: RefusedError


def _read(cursor: Cursor) -> Search | Unreadable:
    cursor.space()
    returns = results.read_returns(cursor)
    if not cursor.word_follows(b"CHARSET"):  # UTF-8 is what clients send without saying so
        return Search(results.read_key(cursor, "utf-8"), returns, names_charset=False)
    cursor.space()
    try:
        charset = results.read_charset(cursor)
    except RefusedError as error:
        cursor.skip()
        return Unreadable(returns, error)
    cursor.space()
    return Search(results.read_key(cursor, charset), returns, names_charset=True)


def _search(session: Session, asked: Search | Unreadable, are_uids: bool) -> Running:
    returns = asked.returns
    if isinstance(asked, Unreadable):
        results.forget(session.selected, returns)
        raise asked.error
    if asked.names_charset and session.has(Extension.UTF8):
        raise MalformedError("no CHARSET after ENABLE UTF8=ACCEPT (RFC 6855 section 3)")
    if returns is None and session.has(Extension.REV2):  # RFC 9051 §6.4.4: no other answer there
        returns = frozenset((b"ALL",))
    if results.tells_modseq(asked.key):
        session.enable(Extension.CONDSTORE)
    if len(session.selected.uids) > FEW:
        yield ASIDE
    try:
        hits = Hits.of(found(session, asked.key), asked.key)
    except Exception:
        results.forget(session.selected, returns)
        raise
    if returns is None:
        yield from results.plain(b"SEARCH", hits, are_uids)
        return done("SEARCH")
    if b"SAVE" in returns:
        results.save(session.selected, hits, returns)
    yield from results.extended(session.tag, hits, returns, are_uids)
    return done("SEARCH")


COMMANDS: Final[Table] = {
    b"SEARCH": Command(SELECTED, _read, partial(_search, are_uids=False), expunges=False, brief=True),
    b"UID SEARCH": Command(SELECTED, _read, partial(_search, are_uids=True), brief=True),
}
