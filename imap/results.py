"""What SEARCH, SORT and THREAD have in common: RETURN, CHARSET, and how what was found is told (RFC 4731, RFC 5267).

ESEARCH's MODSEQ: RFC 7162 §3.1.10; SAVE: RFC 5182.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from imap import wire_text
from imap.answer import MalformedError, RefusedError
from imap.search import Mail, leaves
from imap.view import View
from imap.wire_cursor import Cursor
from imap.wire_search import Key, Modified, search_key

_CHARSETS: Final = {b"US-ASCII": "ascii", b"UTF-8": "utf-8"}
_RETURNS: Final = frozenset((b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE"))
_PIECE: Final = 1000  # numbers written at once


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, in the order in which it is told. `modseqs` is empty where nobody asked for MODSEQ."""

    uids: Sequence[int]
    numbers: Sequence[int]
    modseqs: Sequence[int]

    @classmethod
    def of(cls, mails: Iterator[Mail] | Sequence[Mail], key: Key) -> Hits:
        uids, numbers, modseqs = array("I"), array("I"), array("q")
        tells = tells_modseq(key)
        for mail in mails:
            uids.append(mail.uid)
            numbers.append(mail.number)
            if tells:
                modseqs.append(mail.modseq)
        return cls(uids, numbers, modseqs)


def tells_modseq(key: Key) -> bool:
    return any(isinstance(leaf, Modified) for leaf in leaves(key))


def read_returns(cursor: Cursor) -> frozenset[bytes] | None:
    """The options behind RETURN and the blank after them; None where there is no RETURN. None at all is ALL."""
    if not cursor.word_follows(b"RETURN"):
        return None
    cursor.space()
    options = frozenset(cursor.listed(cursor.keyword))
    if unknown := options - _RETURNS:
        raise MalformedError(f"no such result: {sorted(unknown)[0][:40].decode()}")
    cursor.space()
    return options or frozenset((b"ALL",))


def read_charset(cursor: Cursor) -> str:
    """A codec's name. RefusedError for one that we do not know."""
    name = cursor.astring().upper()
    if name not in _CHARSETS:
        raise RefusedError("US-ASCII and UTF-8 are known", b"BADCHARSET (US-ASCII UTF-8)")
    return _CHARSETS[name]


def read_key(cursor: Cursor, charset: str) -> Key:
    if cursor.ended():
        raise MalformedError("a search key is missing")
    return search_key(cursor, charset)


def save(view: View, hits: Hits, returns: frozenset[bytes]) -> None:
    """What `$` stands for from now on: all, but for MIN or MAX alone just those (RFC 5182 §2.4)."""
    few = _ends(hits.uids, returns) if {b"MIN", b"MAX"} & returns and not {b"ALL", b"COUNT"} & returns else hits.uids
    view.saved = array("I", sorted(set(few)))


def forget(view: View, returns: frozenset[bytes] | None) -> None:
    """A search that was to save has failed: `$` is empty (RFC 5182 §2.1)."""
    if returns is not None and b"SAVE" in returns:
        view.saved = array("I")


def _ends(values: Sequence[int], returns: frozenset[bytes]) -> list[int]:
    if not values:
        return []
    return [values[place] for name, place in ((b"MIN", 0), (b"MAX", -1)) if name in returns]


def plain(word: bytes, hits: Hits, are_uids: bool) -> Iterator[bytes]:
    """`* SEARCH 2 84 882`."""
    yield b"* " + word
    numbers = hits.uids if are_uids else hits.numbers
    for start in range(0, len(numbers), _PIECE):
        yield b"".join([b" %d" % number for number in numbers[start : start + _PIECE]])
    if hits.modseqs:
        yield b" (MODSEQ %d)" % max(hits.modseqs)
    yield b"\r\n"


def extended(tag: bytes, hits: Hits, returns: frozenset[bytes], are_uids: bool) -> Iterator[bytes]:
    """`* ESEARCH (TAG "a") UID COUNT 3 ALL 2,10:11`; nothing where only SAVE was wanted."""
    if returns == {b"SAVE"}:
        return
    numbers = hits.uids if are_uids else hits.numbers
    words = [b"* ESEARCH (TAG " + wire_text.string(tag) + b")"]
    if are_uids:
        words.append(b"UID")
    if numbers:
        words += [b"%b %d" % (name, numbers[end]) for name, end in ((b"MIN", 0), (b"MAX", -1)) if name in returns]
    if b"COUNT" in returns:
        words.append(b"COUNT %d" % len(numbers))
    if b"ALL" in returns and numbers:
        words.append(b"ALL " + wire_text.uid_set(numbers))
    if told := (hits.modseqs if {b"ALL", b"COUNT"} & returns else _ends(hits.modseqs, returns)):
        words.append(b"MODSEQ %d" % max(told))
    yield b" ".join(words) + b"\r\n"
