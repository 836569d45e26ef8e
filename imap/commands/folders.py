"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 §6.3, CREATE's USE: RFC 6154 §3).

A subscription is of a name, not of a folder: it stays when the folder goes (RFC 3501 §6.3.9).
"""

from __future__ import annotations

from typing import Final

from imap.answer import ASIDE, MalformedError, RefusedError, Running, Wait, done
from imap.session import SIGNED_IN, Command, Session, Table
from imap.wire_cursor import Cursor
from store import filing, folders, removal, subscriptions
from store.folders import INBOX, SEPARATOR, Folder, FolderExistsError
from store.removal import Expunged

NAME_LIMIT: Final = 200  # characters
DEPTH_LIMIT: Final = 20
FOLDERS_LIMIT: Final = 1000  # of an account
USES: Final = {use.lower(): use for _, use in folders.DEFAULTS if use} | {"\\flagged": "\\Flagged"}


def name(cursor: Cursor) -> str:
    cursor.space()
    return cursor.mailbox()


def _read_create(cursor: Cursor) -> tuple[str, str | None]:
    wanted = name(cursor)
    if cursor.ended():
        return wanted, None
    cursor.space()
    cursor.expect(b"(")
    if cursor.keyword() != b"USE":
        raise MalformedError("CREATE knows USE only")
    cursor.space()
    uses = cursor.flag_list()
    cursor.expect(b")")
    if len(uses) != 1 or uses[0].lower() not in USES:
        raise RefusedError("that use cannot be given", b"USEATTR")
    return wanted, USES[uses[0].lower()]


def _create(session: Session, wanted: tuple[str, str | None]) -> Running:
    new, use = wanted[0].removesuffix(SEPARATOR), wanted[1]
    _check_name(session, new)
    mailbox, now = session.mailbox_id, session.backing.now()
    journal = session.backing.stores.mail.journal
    try:
        made: Folder = yield Wait(journal.submit(lambda tx: folders.create(tx, mailbox, new, now, use)))
    except FolderExistsError as error:
        raise RefusedError("there is a folder of that name", b"ALREADYEXISTS") from error
    return done("CREATE", b"MAILBOXID (%b)" % made.object_id.encode())


def _delete(session: Session, wanted: str) -> Running:
    if wanted == INBOX:
        raise RefusedError("INBOX stays", b"CANNOT")
    folder = session.folder(wanted)
    gone: Expunged = yield Wait(
        session.backing.stores.mail.journal.submit(lambda tx: removal.delete_folder(tx, folder.id))
    )
    if gone.files:
        yield ASIDE
    for file in gone.files:
        session.backing.spool.drop(file)
    return done("DELETE")


def _read_rename(cursor: Cursor) -> tuple[str, str]:
    return name(cursor), name(cursor)


def _rename(session: Session, names: tuple[str, str]) -> Running:
    old, new = names[0], names[1].removesuffix(SEPARATOR)
    folder = session.folder(old)
    _check_name(session, new)
    if new.startswith(old + SEPARATOR) and old != INBOX:
        raise RefusedError("a folder cannot go into itself", b"CANNOT")
    now = session.backing.now()
    move = filing.empty_into if old == INBOX else folders.rename
    try:
        yield Wait(session.backing.stores.mail.journal.submit(lambda tx: move(tx, folder, new, now)))
    except FolderExistsError as error:
        raise RefusedError("there is a folder of that name", b"ALREADYEXISTS") from error
    return done("RENAME")


def _check_name(session: Session, new: str) -> None:
    if new == INBOX:
        raise RefusedError("INBOX is there always", b"ALREADYEXISTS")
    _check_spelling(new)
    with session.backing.stores.mail.database.read() as tx:
        if len(folders.all_of(tx, session.mailbox_id)) >= FOLDERS_LIMIT:
            raise RefusedError(f"an account has at most {FOLDERS_LIMIT} folders", b"LIMIT")


def _check_spelling(new: str) -> None:
    pieces = new.split(SEPARATOR)
    if not all(pieces) or not new.isprintable() or any(char in new for char in "*%\\"):
        raise RefusedError("empty levels, controls, backslash and the wildcards * % are no part of a name", b"CANNOT")
    if len(new) > NAME_LIMIT or len(pieces) > DEPTH_LIMIT:
        raise RefusedError(f"a name has at most {NAME_LIMIT} characters and {DEPTH_LIMIT} levels", b"CANNOT")


def _subscribe(session: Session, wanted: str) -> Running:
    """Of a name that is no folder's, too; that it could be one is all that is asked."""
    mailbox, mail = session.mailbox_id, session.backing.stores.mail
    if wanted != INBOX:
        _check_spelling(wanted)
    with mail.database.read() as tx:
        subscribed = subscriptions.of_account(tx, mailbox)
    if len(subscribed) >= subscriptions.MOST and wanted not in subscribed:
        raise RefusedError(f"an account has at most {subscriptions.MOST} subscriptions", b"LIMIT")
    yield Wait(mail.journal.submit(lambda tx: subscriptions.add(tx, mailbox, [wanted])))
    return done("SUBSCRIBE")


def _unsubscribe(session: Session, wanted: str) -> Running:
    mailbox = session.mailbox_id
    yield Wait(session.backing.stores.mail.journal.submit(lambda tx: subscriptions.remove(tx, mailbox, wanted)))
    return done("UNSUBSCRIBE")


COMMANDS: Final[Table] = {
    b"CREATE": Command(SIGNED_IN, _read_create, _create),
    b"DELETE": Command(SIGNED_IN, name, _delete),
    b"RENAME": Command(SIGNED_IN, _read_rename, _rename),
    b"SUBSCRIBE": Command(SIGNED_IN, name, _subscribe),
    b"UNSUBSCRIBE": Command(SIGNED_IN, name, _unsubscribe),
}
