"""SORT and UID SORT (RFC 5256 §3), by what is shown too (RFC 5957), with RETURN (RFC 5267)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from imap import results
from imap.answer import MalformedError, RefusedError, Running, done
from imap.finding import found
from imap.ordering import MOST, Ordered, ordered
from imap.results import Hits
from imap.session import SELECTED, Command, Session, Table
from imap.wire_cursor import Cursor
from imap.wire_search import Key

_CRITERIA: Final[dict[bytes, Callable[[Ordered], Any]]] = {
    b"ARRIVAL": lambda mail: mail.arrived,
    b"CC": lambda mail: mail.keys.cc,
    b"DATE": lambda mail: mail.sent,
    b"DISPLAYFROM": lambda mail: mail.keys.shown_author,
    b"DISPLAYTO": lambda mail: mail.keys.shown_to,
    b"FROM": lambda mail: mail.keys.author,
    b"SIZE": lambda mail: mail.size_bytes,
    b"SUBJECT": lambda mail: mail.keys.subject,
    b"TO": lambda mail: mail.keys.to,
}
_LIMIT: Final = 2 * len(_CRITERIA)


@dataclass(frozen=True, slots=True)
class Sort:
    """`criteria`: the first is the most important; with whether it is reversed."""

    criteria: list[tuple[bytes, bool]]
    key: Key
    returns: frozenset[bytes] | None


def _read(cursor: Cursor) -> Sort:
    cursor.space()
    returns = results.read_returns(cursor)
    criteria = cursor.listed(partial(_criterion, cursor))
    if not 1 <= len(criteria) <= _LIMIT:
        raise MalformedError(f"1 to {_LIMIT} criteria")
    cursor.space()
    charset = results.read_charset(cursor)
    cursor.space()
    return Sort(criteria, results.read_key(cursor, charset), returns)


def _criterion(cursor: Cursor) -> tuple[bytes, bool]:
    word = cursor.keyword()
    is_reversed = word == b"REVERSE"
    if is_reversed:
        cursor.space()
        word = cursor.keyword()
    if word not in _CRITERIA:
        raise MalformedError(f"SORT knows no {word[:40].decode()}")
    return word, is_reversed


def _sort(session: Session, asked: Sort, are_uids: bool) -> Running:
    chosen = Hits.of(found(session, asked.key), asked.key)
    if len(chosen.uids) > MOST:
        raise RefusedError(f"more than {MOST} mails are not sorted", b"LIMIT")
    mails = list(ordered(session, chosen))
    for word, is_reversed in reversed(asked.criteria):  # each sort leaves equals in their order
        mails.sort(key=_CRITERIA[word], reverse=is_reversed)
    hits = Hits(
        [mail.uid for mail in mails], [mail.number for mail in mails], [mail.modseq for mail in mails if mail.modseq]
    )
    if asked.returns is None:
        yield from results.plain(b"SORT", hits, are_uids)
        return done("SORT")
    if b"SAVE" in asked.returns:
        results.save(session.selected, hits, asked.returns)
    yield from results.extended(session.tag, hits, asked.returns, are_uids)
    return done("SORT")


COMMANDS: Final[Table] = {
    b"SORT": Command(SELECTED, _read, partial(_sort, are_uids=False), expunges=False),
    b"UID SORT": Command(SELECTED, _read, partial(_sort, are_uids=True)),
}
