"""What NOTIFY tells beside the selected mailbox: STATUS of others, LIST of names that came, went or changed (RFC 5465).

A session keeps the picture that it has told of; each look reads the account's folders once and tells the difference.
Where that is more than MOST at once, NOTIFICATIONOVERFLOW is told and nothing from then on (§5.8).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from imap.answer import Answer, Condition, Running, Telling
from imap.extension import Extension
from imap.fetch import fetched
from imap.notification import MESSAGES, Event, Filter, Notification
from imap.session import Session
from imap.status import status_line
from store import folders, subscriptions
from store.folders import Folder

MOST: Final = 500  # lines at once
_ITEMS: Final = (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN")


@dataclass(frozen=True, slots=True)
class Picture:
    """`account`: the id of the row that changes with the names."""

    account: int
    folders: dict[int, Folder]
    subscribed: frozenset[str]


def picture(session: Session) -> Picture:
    """As it is now."""
    with session.backing.stores.mail.database.read() as tx:
        known = folders.all_of(tx, session.mailbox_id)
        subscribed = subscriptions.of_account(tx, session.mailbox_id)
        account = folders.account_row(tx, session.mailbox_id)
    return Picture(account, {folder.id: folder for folder in known}, subscribed)


class Tidings:
    """Of one session, from its NOTIFY SET on."""

    def __init__(self, notification: Notification, told: Picture) -> None:
        self.notification = notification
        self._told = told

    def watched(self) -> frozenset[int]:
        """The folders whose changes matter."""
        told, events = self._told, self.notification.events_of
        mine = {folder_id for folder_id, one in told.folders.items() if events(one.name, told.subscribed) & MESSAGES}
        return frozenset({told.account, *mine})

    def statuses(self, session: Session) -> Iterator[bytes]:
        """Of all that are watched, as NOTIFY SET STATUS wants them at once."""
        for folder in self._told.folders.values():
            if not self._is_selected(session, folder.id) and self._events(folder.name, self._told) & MESSAGES:
                yield _status(session, folder)

    def told(self, session: Session) -> Iterator[bytes]:
        """What is other than it was."""
        before, now = self._told, picture(session)
        lines = [*self._of_names(session, before, now), *self._of_subscriptions(session, before, now)]
        changed = [folder for folder in now.folders.values() if self._has_changed(session, folder, before, now)]
        self._told = now
        if len(lines) + len(changed) > MOST:
            session.tidings = None
            yield b"* OK [NOTIFICATIONOVERFLOW] too much happened; nothing is told from now on\r\n"
            return
        yield from lines
        for folder in changed:
            yield _status(session, folder)

    def _has_changed(self, session: Session, folder: Folder, before: Picture, now: Picture) -> bool:
        old = before.folders.get(folder.id)
        height = 1 if old is None else old.highestmodseq
        if folder.highestmodseq == height or self._is_selected(session, folder.id):
            return False
        return bool(self._events(folder.name, now) & MESSAGES)

    def _of_names(self, session: Session, before: Picture, now: Picture) -> Iterator[bytes]:
        for folder_id, folder in now.folders.items():
            old = before.folders.get(folder_id)
            if old is None and self._tells(Event.MAILBOX_NAME, folder.name, now):
                yield _list(session, b"", folder.name)
            elif old is not None and old.name != folder.name and self._tells_either(old.name, folder.name, now):
                yield _list(session, b"", folder.name, old.name)
        for folder_id, folder in before.folders.items():
            if folder_id not in now.folders and self._tells(Event.MAILBOX_NAME, folder.name, before):
                yield _list(session, b"\\NonExistent", folder.name)

    def _of_subscriptions(self, session: Session, before: Picture, now: Picture) -> Iterator[bytes]:
        for name in sorted(before.subscribed ^ now.subscribed):
            is_new = name in now.subscribed
            if self._tells(Event.SUBSCRIPTION_CHANGE, name, now if is_new else before):
                yield _list(session, b"\\Subscribed" if is_new else b"", name)

    def _tells_either(self, old: str, new: str, of: Picture) -> bool:
        return any(self._tells(Event.MAILBOX_NAME, name, of) for name in (old, new))

    def _tells(self, event: Event, name: str, of: Picture) -> bool:
        return event in self._events(name, of)

    def _events(self, name: str, of: Picture) -> frozenset[Event]:
        return self.notification.events_of(name, of.subscribed)

    def _is_selected(self, session: Session, folder_id: int) -> bool:
        return session.view is not None and session.view.folder.id == folder_id


def news(session: Session, expunges: bool) -> Telling:
    """Of the selected mailbox, with what NOTIFY wants fetched of each new mail."""
    view, tidings = session.view, session.tidings
    last = view.uids[-1] if view is not None and view.uids else 0
    yield from session.news(expunges)
    group = None if tidings is None else tidings.notification.of_selected()
    if group is None or view is None or not group.fetches:
        return
    fresh = view.uids[bisect_right(view.uids, last) :]
    if fresh:
        yield from fetched(session, fresh, group.fetches)


def volunteered(session: Session) -> Running:
    """Everything that NOTIFY promised, while no command runs."""
    group = None if session.tidings is None else session.tidings.notification.of_selected()
    if group is not None and group.events & MESSAGES:
        yield from news(session, expunges=group.filter is Filter.SELECTED)
    if session.tidings is not None:
        yield from session.tidings.told(session)
    return Answer(Condition.OK, b"")


def _status(session: Session, folder: Folder) -> bytes:
    more = (b"HIGHESTMODSEQ",) if session.has(Extension.CONDSTORE) else ()
    return status_line(session, folder, _ITEMS + more)


def _list(session: Session, attributes: bytes, name: str, old: str | None = None) -> bytes:
    before = b"" if old is None else b' ("OLDNAME" (%b))' % session.mailbox_word(old)
    return b'* LIST (%b) "/" %b%b\r\n' % (attributes, session.mailbox_word(name), before)
