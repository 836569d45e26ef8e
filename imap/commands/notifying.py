"""NOTIFY SET and NOTIFY NONE (RFC 5465). What is told, imap/tidings.py says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from imap.answer import MalformedError, RefusedError, Running, done
from imap.notification import MESSAGES, NAMED, OF_SELECTED, Event, Filter, Group, Notification
from imap.session import SIGNED_IN, Command, Session, Table
from imap.tidings import Tidings, picture
from imap.wire_cursor import Cursor
from imap.wire_fetch import Wanted, fetch_attributes

GROUPS: Final = 100
NAMES: Final = 1000  # of a group
_EVENTS: Final = {event.value: event for event in Event}
_FILTERS: Final = {one.value: one for one in Filter}
_BAD_EVENT: Final = b"BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)"
_TOGETHER: Final = (Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE)


@dataclass(frozen=True, slots=True)
class Notify:
    """`groups`: None for NONE."""

    groups: tuple[Group, ...] | None
    wants_status: bool = False


def _read(cursor: Cursor) -> Notify:
    cursor.space()
    if cursor.word_follows(b"NONE"):
        return Notify(None)
    cursor.expect_word(b"SET")
    cursor.space()
    wants_status = cursor.word_follows(b"STATUS")
    if wants_status:
        cursor.space()
    groups = [_group(cursor)]
    while not cursor.ended():
        cursor.space()
        groups.append(_group(cursor))
        if len(groups) > GROUPS:
            raise RefusedError(f"at most {GROUPS} groups", b"NOTIFICATIONOVERFLOW")
    if sum(group.filter in OF_SELECTED for group in groups) > 1:
        raise MalformedError("SELECTED or SELECTED-DELAYED, once")
    return Notify(tuple(groups), wants_status)


def _group(cursor: Cursor) -> Group:
    cursor.expect(b"(")
    word = cursor.keyword()
    kind = _FILTERS.get(word)
    if kind is None:
        raise MalformedError(f"no such mailboxes: {word[:40].decode()}")
    cursor.space()
    names: list[str] = []
    if kind in NAMED:
        names = cursor.listed(cursor.mailbox) if cursor.peek() == b"(" else [cursor.mailbox()]
        if not 1 <= len(names) <= NAMES:
            raise MalformedError(f"1 to {NAMES} mailboxes")
        cursor.space()
    events, fetches = _events(cursor)
    cursor.expect(b")")
    _check(kind, events, fetches)
    return Group(kind, frozenset(names), events, fetches)


def _events(cursor: Cursor) -> tuple[frozenset[Event], tuple[Wanted, ...]]:
    if cursor.word_follows(b"NONE"):
        return frozenset(), ()
    found: set[Event] = set()
    fetches: tuple[Wanted, ...] = ()
    cursor.expect(b"(")
    while True:
        word = cursor.keyword()
        if word not in _EVENTS:
            raise RefusedError(f"no such event: {word[:40].decode()}", _BAD_EVENT)
        found.add(_EVENTS[word])
        if word == Event.MESSAGE_NEW.value and cursor.taken(b" ("):
            cursor.at -= 1
            fetches = fetch_attributes(cursor)
        if cursor.taken(b")"):
            return frozenset(found), fetches
        cursor.space()


def _check(kind: Filter, events: frozenset[Event], fetches: tuple[Wanted, ...]) -> None:
    if events & MESSAGES and not events.issuperset(_TOGETHER):
        raise MalformedError("MessageNew and MessageExpunge go together, FlagChange with both")
    if kind in OF_SELECTED and not events <= MESSAGES:
        raise MalformedError("of the selected mailbox only messages are told")
    if fetches and kind not in OF_SELECTED:
        raise MalformedError("only of the selected mailbox new mails are fetched")


def _notify(session: Session, asked: Notify) -> Running:
    if asked.groups is None:
        session.tidings = None
        yield b""
        return done("NOTIFY")
    tidings = Tidings(Notification(asked.groups), picture(session))
    session.tidings = tidings
    if asked.wants_status:
        yield from tidings.statuses(session)
    yield b""
    return done("NOTIFY")


COMMANDS: Final[Table] = {b"NOTIFY": Command(SIGNED_IN, _read, _notify)}
