"""LIST with its extensions, LSUB, NAMESPACE, STATUS (RFC 3501 §6.3.8-10, RFC 2342, 5258, 5819, 6154, 8438)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from imap.answer import MalformedError, Running, done
from imap.commands.anytime import nothing
from imap.listing import Selection, Shown, shown
from imap.session import SIGNED_IN, Command, Session, Table
from imap.status import STATUS_ITEMS, status_line
from imap.wire_cursor import Cursor
from store import folders, subscriptions

_SELECTING: Final = frozenset((b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH", b"SPECIAL-USE"))
_RETURNING: Final = frozenset((b"SUBSCRIBED", b"CHILDREN", b"SPECIAL-USE"))
_PATTERNS: Final = 50
PATTERN_LIMIT: Final = 1000  # characters


@dataclass(frozen=True, slots=True)
class Listing:
    """No `patterns`: what is asked is the character between levels (RFC 3501 §6.3.8)."""

    patterns: list[str]
    selection: Selection
    status: tuple[bytes, ...] = ()


def _read_list(cursor: Cursor) -> Listing:
    cursor.space()
    selecting: frozenset[bytes] = frozenset()
    if cursor.peek() == b"(":
        selecting = _options(cursor, _SELECTING)
        cursor.space()
    if b"RECURSIVEMATCH" in selecting and selecting <= {b"RECURSIVEMATCH", b"REMOTE"}:
        raise MalformedError("RECURSIVEMATCH wants another option beside it, and REMOTE is none (RFC 5258 §3)")
    reference, patterns = _names(cursor)
    returning, status = _returning(cursor)
    selection = Selection(
        subscribed=b"SUBSCRIBED" in selecting,
        special_use=b"SPECIAL-USE" in selecting,
        recursive=b"RECURSIVEMATCH" in selecting,
        tells_subscribed=b"SUBSCRIBED" in returning,
    )
    return Listing(_joined(reference, patterns), selection, status)


def _read_lsub(cursor: Cursor) -> Listing:
    cursor.space()
    reference, patterns = _names(cursor)
    return Listing(_joined(reference, patterns[:1]), Selection(subscribed=True, by_lsub=True))


def _names(cursor: Cursor) -> tuple[str, list[str]]:
    reference = cursor.mailbox()
    cursor.space()
    if cursor.peek() != b"(":
        return reference, [cursor.list_mailbox()]
    patterns = cursor.listed(cursor.list_mailbox)
    if not 1 <= len(patterns) <= _PATTERNS:
        raise MalformedError(f"1 to {_PATTERNS} patterns")
    return reference, patterns


def _options(cursor: Cursor, known: frozenset[bytes]) -> frozenset[bytes]:
    options = frozenset(cursor.listed(cursor.keyword))
    if unknown := options - known:
        raise MalformedError(f"no such option: {sorted(unknown)[0][:40].decode()}")
    return options


def _returning(cursor: Cursor) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    if cursor.ended():
        return frozenset(), ()
    cursor.space()
    cursor.expect_word(b"RETURN")
    cursor.space()
    status: list[bytes] = []

    def option() -> bytes:
        word = cursor.keyword()
        if word == b"STATUS":
            status.extend(_status_items(cursor))
        elif word not in _RETURNING:
            raise MalformedError(f"no such option: {word[:40].decode()}")
        return word

    return frozenset(cursor.listed(option)), tuple(status)


def _joined(reference: str, patterns: list[str]) -> list[str]:
    return [] if patterns == [""] else [_whole(reference, pattern) for pattern in patterns]


def _whole(reference: str, pattern: str) -> str:
    if len(reference) + len(pattern) > PATTERN_LIMIT:
        raise MalformedError(f"a pattern has at most {PATTERN_LIMIT} characters")
    whole = reference + pattern
    return "INBOX" + whole[5:] if whole[:5].upper() == "INBOX" and whole[5:6] in ("", *"/*%") else whole


def _list(session: Session, asked: Listing) -> Running:
    word = b"LSUB" if asked.selection.by_lsub else b"LIST"
    if not asked.patterns:
        yield b"* " + word + b' (\\Noselect) "/" ""\r\n'
        return done(word.decode())
    with session.backing.stores.mail.database.read() as tx:
        known = folders.all_of(tx, session.mailbox_id)
        subscribed = subscriptions.of_account(tx, session.mailbox_id)
    for each in shown(known, subscribed, asked.patterns, asked.selection):
        yield _line(session, word, each)
        if asked.status and each.folder is not None:
            yield status_line(session, each.folder, asked.status)
    return done(word.decode())


def _line(session: Session, word: bytes, each: Shown) -> bytes:
    attributes = " ".join(each.attributes).encode()
    child = b' ("CHILDINFO" ("SUBSCRIBED"))' if each.has_matching_inferiors else b""
    return b'* %b (%b) "/" %b%b\r\n' % (word, attributes, session.mailbox_word(each.name), child)


def _namespace(_session: Session, _: None) -> Running:
    yield b'* NAMESPACE (("" "/")) NIL NIL\r\n'
    return done("NAMESPACE")


def _read_status(cursor: Cursor) -> tuple[str, tuple[bytes, ...]]:
    cursor.space()
    return cursor.mailbox(), _status_items(cursor)


def _status_items(cursor: Cursor) -> tuple[bytes, ...]:
    cursor.space()
    items = cursor.listed(cursor.keyword)
    if not items or not STATUS_ITEMS.issuperset(items):
        raise MalformedError("STATUS knows " + b" ".join(sorted(STATUS_ITEMS)).decode())
    return tuple(dict.fromkeys(items))


def _status(session: Session, asked: tuple[str, tuple[bytes, ...]]) -> Running:
    name, items = asked
    yield status_line(session, session.folder(name), items)
    return done("STATUS")


COMMANDS: Final[Table] = {
    b"LIST": Command(SIGNED_IN, _read_list, _list),
    b"LSUB": Command(SIGNED_IN, _read_lsub, _list),
    b"NAMESPACE": Command(SIGNED_IN, nothing, _namespace),
    b"STATUS": Command(SIGNED_IN, _read_status, _status),
}
