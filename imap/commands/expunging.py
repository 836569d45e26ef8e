"""EXPUNGE and UID EXPUNGE (RFC 3501 §6.4.3, RFC 4315 §2.1). Which went, `Session.news` tells."""

from __future__ import annotations

from collections.abc import Container
from functools import partial
from typing import Final

from imap.answer import ASIDE, Answer, Running, Telling, Wait, done
from imap.commands.anytime import nothing
from imap.extension import Extension
from imap.session import SELECTED, Command, Session, Table
from imap.wire_cursor import Cursor, SequenceSet
from store import mail_scan, removal
from store.removal import Expunged

ROWS: Final = 200  # of one write, which must not hold the gate longer than 20 ms


def expunged(session: Session, folder_id: int, among: Container[int] | None = None) -> Telling:
    """Remove what is flagged \\Deleted, of `among` alone where it is given."""
    mail = session.backing.stores.mail
    with mail.database.read() as tx:
        doomed = mail_scan.deleted(tx, folder_id)
    if among is not None:
        doomed = [uid for uid in doomed if uid in among]
    for start in range(0, len(doomed), ROWS):
        chunk = doomed[start : start + ROWS]
        gone: Expunged = yield Wait(mail.journal.submit(partial(removal.expunge, folder_id=folder_id, uids=chunk)))
        if gone.files:
            yield ASIDE
        for file in gone.files:
            session.backing.spool.drop(file)


def _expunge(session: Session, _: None) -> Running:
    yield from expunged(session, session.writable().folder.id)
    return (yield from _told(session))


def _read_set(cursor: Cursor) -> SequenceSet:
    cursor.space()
    return cursor.sequence_set()


def _uid_expunge(session: Session, numbers: SequenceSet) -> Running:
    view = session.writable()
    yield from expunged(session, view.folder.id, frozenset(view.chosen(numbers, are_uids=True)))
    return (yield from _told(session))


def _told(session: Session) -> Running:
    """With QRESYNC the client learns up to which MODSEQ it knows everything now (RFC 7162 §3.2.7)."""
    yield from session.news(expunges=True)
    knows = session.has(Extension.QRESYNC)
    answer: Answer = done("EXPUNGE", b"HIGHESTMODSEQ %d" % session.selected.modseq if knows else b"")
    return answer


COMMANDS: Final[Table] = {
    b"EXPUNGE": Command(SELECTED, nothing, _expunge),
    b"UID EXPUNGE": Command(SELECTED, _read_set, _uid_expunge),
}
