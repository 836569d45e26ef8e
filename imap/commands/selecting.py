"""SELECT, EXAMINE, CLOSE, UNSELECT, CHECK (RFC 3501 §6.3.1-2, §6.4.1-2, RFC 3691)."""

from __future__ import annotations

from functools import partial
from typing import Final

from imap.answer import RefusedError, Running, done
from imap.commands.anytime import nothing
from imap.commands.expunging import expunged
from imap.commands.folders import name
from imap.session import SELECTED, SIGNED_IN, Command, Session, Table
from imap.view import View
from store import filing, folders
from store.filing import SYSTEM_FLAGS

KEYWORDS_TOLD: Final = 200


def _select(session: Session, wanted: str, read_only: bool) -> Running:
    session.view = None  # whatever becomes of this command, nothing is selected before (RFC 3501 §6.3.1)
    found = session.folder(wanted)
    snapshot = session.backing.snapshots.current(found.id)
    with session.backing.stores.mail.database.read() as tx:
        folder = folders.by_id(tx, found.id)
        kept = filing.flags_in_use(tx, found.id)
        unseen = filing.first_unseen(tx, found.id)
    if folder is None:
        raise RefusedError("there is no such folder", b"NONEXISTENT")
    view = View(folder, snapshot, read_only)
    flags = " ".join([*SYSTEM_FLAGS, *sorted(_keywords(kept))[:KEYWORDS_TOLD]]).encode()
    permanent = b"" if read_only else flags + b" \\*"
    yield b"* FLAGS (" + flags + b")\r\n"
    yield b"* %d EXISTS\r\n* 0 RECENT\r\n" % len(view.uids)
    yield b"* OK [PERMANENTFLAGS (" + permanent + b")] flags that stay\r\n"
    if unseen is not None and view.holds(unseen):
        yield b"* OK [UNSEEN %d] the first unseen\r\n" % view.number_of(unseen)
    yield b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % folder.uidvalidity
    yield b"* OK [UIDNEXT %d] the next UID\r\n" % folder.uidnext
    session.view = view
    return done("EXAMINE", b"READ-ONLY") if read_only else done("SELECT", b"READ-WRITE")


def _keywords(kept: list[str]) -> set[str]:
    return {flag for flags in kept for flag in flags.split()}.difference(SYSTEM_FLAGS)


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
    b"SELECT": Command(SIGNED_IN, name, partial(_select, read_only=False)),
    b"EXAMINE": Command(SIGNED_IN, name, partial(_select, read_only=True)),
    b"CLOSE": Command(SELECTED, nothing, _close),
    b"UNSELECT": Command(SELECTED, nothing, _unselect),
    b"CHECK": Command(SELECTED, nothing, _check),
}
