"""SELECT, EXAMINE, CLOSE, UNSELECT, CHECK (RFC 3501 §6.3.1-2, §6.4.1-2, RFC 3691, RFC 7162)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from imap import wire_text
from imap.answer import MalformedError, RefusedError, Running, Step, done
from imap.commands.anytime import nothing
from imap.commands.expunging import expunged
from imap.commands.folders import name
from imap.extension import Extension
from imap.fetch import fetched
from imap.resync import Resync, unchanged_upto, vanished, within
from imap.session import SELECTED, SIGNED_IN, Command, Session, Table
from imap.snapshots import Snapshot
from imap.view import View
from imap.wire_cursor import Cursor, Range, SequenceSet
from imap.wire_fetch import Item
from store import flagging, folders, removal
from store.folders import Folder


@dataclass(frozen=True, slots=True)
class Selecting:
    name: str
    condstore: bool = False
    resync: Resync | None = None


def _read(cursor: Cursor) -> Selecting:
    wanted = name(cursor)
    if cursor.ended():
        return Selecting(wanted)
    cursor.space()
    found: list[Resync | None] = cursor.listed(lambda: _parameter(cursor))
    resync = next((one for one in found if one is not None), None)
    return Selecting(wanted, True, resync)


def _parameter(cursor: Cursor) -> Resync | None:
    word = cursor.keyword()
    if word == b"CONDSTORE":
        return None
    if word != b"QRESYNC":
        raise MalformedError("SELECT knows CONDSTORE and QRESYNC")
    cursor.space()
    cursor.expect(b"(")
    uidvalidity = cursor.number()
    cursor.space()
    asked = Resync(uidvalidity, cursor.large_number(), *_known(cursor))
    cursor.expect(b")")
    return asked


def _known(cursor: Cursor) -> tuple[SequenceSet | None, SequenceSet, SequenceSet]:
    """The client's UIDs and which of its numbers are which UIDs; both may be left out."""
    known: SequenceSet | None = None
    if cursor.peek() != b" ":
        return None, (), ()
    cursor.space()
    if cursor.peek() != b"(":
        known = _plain_set(cursor)
        if cursor.peek() != b" ":
            return known, (), ()
        cursor.space()
    cursor.expect(b"(")
    numbers = _plain_set(cursor)
    cursor.space()
    uids = _plain_set(cursor)
    cursor.expect(b")")
    return known, numbers, uids


def _plain_set(cursor: Cursor) -> SequenceSet:
    found = cursor.sequence_set()
    if not found or any(0 in ends for ends in found):
        raise MalformedError("numbers alone in what is known")
    return found


def _select(session: Session, asked: Selecting, read_only: bool) -> Running:
    if asked.resync is not None and not session.has(Extension.QRESYNC):
        raise MalformedError("ENABLE QRESYNC first")
    was_selected = session.view is not None
    session.view = None  # whatever becomes of this command, nothing is selected before (RFC 3501 §6.3.1)
    if was_selected and not session.enabled.isdisjoint((Extension.QRESYNC, Extension.REV2)):
        yield b"* OK [CLOSED] what was selected is not any more\r\n"
    if asked.condstore:
        session.enable(Extension.CONDSTORE)
    found = session.folder(asked.name)
    snapshot = session.backing.snapshots.current(found.id)
    with session.backing.stores.mail.database.read() as tx:
        folder = folders.by_id(tx, found.id)
    if folder is None:
        raise RefusedError("there is no such folder", b"NONEXISTENT")
    recent = yield from _recent(session, folder, snapshot, read_only)
    view = View(folder, snapshot, read_only, recent)
    yield view.applicable_flags()
    yield b"* %d EXISTS\r\n" % len(view.uids)
    if session.has(Extension.REV2):
        yield b'* LIST () "/" %b\r\n' % session.mailbox_word(folder.name)
    else:
        yield b"* %d RECENT\r\n" % view.recent_count()
    if snapshot.first_unseen is not None:
        yield b"* OK [UNSEEN %d] the first unseen\r\n" % view.number_of(snapshot.first_unseen)
    yield b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % folder.uidvalidity
    yield b"* OK [UIDNEXT %d] the next UID\r\n" % folder.uidnext
    yield b"* OK [HIGHESTMODSEQ %d] the highest MODSEQ\r\n" % view.modseq
    yield b"* OK [MAILBOXID (%b)] its id\r\n" % folder.object_id.encode()
    session.view = view
    if asked.resync is not None and asked.resync.uidvalidity == folder.uidvalidity:
        yield from _caught_up(session, view, asked.resync)
    return done("EXAMINE", b"READ-ONLY") if read_only else done("SELECT", b"READ-WRITE")


def _recent(
    session: Session, folder: Folder, snapshot: Snapshot, read_only: bool
) -> Generator[Step, Any, tuple[Range, ...]]:
    upto = snapshot.uids[-1] + 1 if snapshot.uids else 1
    if session.has(Extension.REV2) or folder.recent_from >= upto:
        return ()
    if read_only:  # it stays \Recent for who comes to stay (RFC 3501 §6.3.2)
        return ((folder.recent_from, upto),)
    first = yield from session.first_told(folder.id, upto)
    return () if first is None else ((first, upto),)


def _caught_up(session: Session, view: View, asked: Resync) -> Iterator[bytes]:
    """What went and what changed since the client was here last (RFC 7162 §3.2.5.2)."""
    last = view.folder.uidnext - 1
    with session.backing.stores.mail.database.read() as tx:
        log = removal.expunged_since(tx, view.folder.id, asked.modseq)
        changed = [mail.uid for mail in flagging.flags_since(tx, view.folder.id, asked.modseq)]
    gone = vanished(log, asked.known, view.uids, last, unchanged_upto(asked, view.uids))
    if gone:
        yield b"* VANISHED (EARLIER) %b\r\n" % wire_text.ranges(gone)
    known = [uid for uid in within(changed, asked.known, last) if view.holds(uid)]
    yield from fetched(session, known, (Item.UID, Item.FLAGS, Item.MODSEQ))


def _close(session: Session, _: None) -> Running:
    view = session.selected
    session.view = None
    if not view.read_only:
        yield from expunged(session, view.folder.id)
    return done("CLOSE")


def _unselect(session: Session, _: None) -> Running:
    session.view = None
    yield b""
    return done("UNSELECT")


def _check(_session: Session, _: None) -> Running:
    """Everything is durable already."""
    yield b""
    return done("CHECK")


COMMANDS: Final[Table] = {
    b"SELECT": Command(SIGNED_IN, _read, partial(_select, read_only=False)),
    b"EXAMINE": Command(SIGNED_IN, _read, partial(_select, read_only=True)),
    b"CLOSE": Command(SELECTED, nothing, _close),
    b"UNSELECT": Command(SELECTED, nothing, _unselect),
    b"CHECK": Command(SELECTED, nothing, _check, brief=True),
}
