"""APPEND (RFC 3501 §6.3.11; MULTIAPPEND, UIDPLUS, BINARY, UTF8) and REPLACE (RFC 8508): OK after all of it is durable.

The mails of one APPEND are filed in one transaction: all or none (RFC 3502). REPLACE removes the old mail in it too.
Crash case: killed between commit and OK, the mails are there and the client, which never heard, may send them again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from imap import wire_text
from imap.answer import MalformedError, RefusedError, Running, Step, Wait, done
from imap.extension import Extension
from imap.session import SELECTED, SIGNED_IN, Command, Session, Table
from imap.wire_cursor import Cursor
from mail.binary import UnknownEncodingError, without_nul
from mail.mime_index import Indexed, index
from store import filing, folder_state, mail_flags, mail_scan, quota, removal
from store.folder_state import FolderGoneError
from store.folders import Folder
from store.mail_flags import TooManyFlagsError
from store.removal import Expunged
from store.spool import Stored

FLAGS_LIMIT: Final = 100  # flags on one mail
FLAG_LENGTH: Final = 100
MAILS: Final = 1000  # of one APPEND


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail on its way in. `binary`: it came as literal8, and may hold NUL; `utf8`: its header is UTF-8."""

    flags: list[str]
    date: datetime | None
    octets: bytes
    binary: bool
    utf8: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail as it will be filed, its bytes in the spool."""

    sent: Sent
    stored: Stored
    indexed: Indexed


@dataclass(frozen=True, slots=True)
class Appending:
    folder: str
    mails: list[Sent]


@dataclass(frozen=True, slots=True)
class Replacing:
    number: int
    is_uid: bool
    by: Appending


def _read(cursor: Cursor) -> Appending:
    cursor.space()
    folder = cursor.mailbox()
    mails = [_mail(cursor)]
    while not cursor.ended():
        mails.append(_mail(cursor))
        if len(mails) > MAILS:
            raise MalformedError(f"at most {MAILS} mails in one APPEND")
    return Appending(folder, mails)


def _mail(cursor: Cursor) -> Sent:
    cursor.space()
    flags: list[str] = []
    if cursor.peek() == b"(":
        flags = checked_flags(cursor.flag_list())
        cursor.space()
    date = None
    if cursor.peek() == b'"':
        date = cursor.date_time()
        cursor.space()
    if cursor.word_follows(b"UTF8"):
        cursor.space()
        cursor.expect(b"(")
        octets = cursor.literal()
        cursor.expect(b")")
        return Sent(flags, date, octets, binary=True, utf8=True)
    binary = cursor.peek() == b"~"
    return Sent(flags, date, cursor.literal(), binary, utf8=False)


def checked_flags(flags: list[str]) -> list[str]:
    """The same; MalformedError for unknown system flags, \\Recent too, which is nobody's to set."""
    known = {flag.lower() for flag in mail_flags.SYSTEM_FLAGS}
    if len(flags) > FLAGS_LIMIT or any(len(flag) > FLAG_LENGTH for flag in flags):
        raise MalformedError(f"at most {FLAGS_LIMIT} flags of {FLAG_LENGTH} characters")
    for flag in flags:
        if flag.startswith("\\") and flag.lower() not in known:
            raise MalformedError(f"no such system flag: {flag}")
    return flags


def _append(session: Session, asked: Appending) -> Running:
    folder, ready = _prepared(session, asked)
    uids = yield from _filed(session, ready, partial(_file_all, folder.id, ready))
    return done("APPEND", _appenduid(folder, uids))


def _prepared(session: Session, asked: Appending) -> tuple[Folder, list[Ready]]:
    folder = session.folder(asked.folder, b"TRYCREATE")
    if any(mail.utf8 for mail in asked.mails) and not session.has(Extension.UTF8):
        raise MalformedError("ENABLE UTF8=ACCEPT first")
    plain = [_plain(mail) for mail in asked.mails]
    check_quota(session, lambda _: sum(map(len, plain)))
    indexed = [index(octets) for octets in plain]
    spool = session.backing.spool
    ready: list[Ready] = []
    try:
        for mail, octets, each in zip(asked.mails, plain, indexed, strict=True):
            ready.append(Ready(mail, spool.put(octets), each))
    except OSError:
        _drop(session, ready)
        raise
    return folder, ready


def _plain(mail: Sent) -> bytes:
    """The octets that are kept: none of them NUL."""
    if not mail.octets:
        raise RefusedError("a mail of no octets")
    if b"\0" not in mail.octets and not mail.binary:
        return mail.octets
    if not mail.binary:
        raise RefusedError("NUL in a mail: send it as literal8")
    try:
        return without_nul(mail.octets, index(mail.octets).parts)
    except UnknownEncodingError as error:
        raise RefusedError(str(error), b"UNKNOWN-CTE") from error


def _filed(session: Session, ready: list[Ready], work: Callable[[datetime, Any], Any]) -> Generator[Step, Any, Any]:
    """What `work` gives once it is durable; otherwise nothing is left in the spool."""
    now = session.backing.now()
    try:
        return (yield Wait(session.backing.stores.mail.journal.submit(partial(work, now))))
    except FolderGoneError as error:
        _drop(session, ready)
        raise RefusedError("there is no such folder", b"TRYCREATE") from error
    except TooManyFlagsError:
        _drop(session, ready)
        raise


def _file_all(folder_id: int, ready: list[Ready], now: datetime, tx: Any) -> list[int]:
    return [
        filing.file_message(tx, folder_id, mail.stored, mail.indexed, mail.sent.flags, mail.sent.date or now, now)
        for mail in ready
    ]


def _drop(session: Session, ready: list[Ready]) -> None:
    for mail in ready:
        session.backing.spool.drop(mail.stored.file)


def _appenduid(folder: Folder, uids: list[int]) -> bytes:
    return b"APPENDUID %d %b" % (folder.uidvalidity, wire_text.uid_set(uids))


# --- REPLACE --------------------------------------------------------------------------------------------------


def _read_replace(cursor: Cursor, is_uid: bool) -> Replacing:
    cursor.space()
    number = cursor.number()
    asked = _read(cursor)
    if len(asked.mails) != 1:
        raise MalformedError("REPLACE takes one mail")
    return Replacing(number, is_uid, asked)


def _replace(session: Session, asked: Replacing) -> Running:
    view = session.writable()
    old = view.chosen(((asked.number, asked.number),), asked.is_uid)
    if not old:
        raise RefusedError("there is no such mail", b"EXPUNGEISSUED")
    folder, ready = _prepared(session, asked.by)
    uids, gone = yield from _filed(session, ready, partial(_file_instead, view.folder.id, old, folder.id, ready))
    if gone is None:
        _drop(session, ready)
        raise RefusedError("that mail is expunged already", b"EXPUNGEISSUED")
    for file in gone.files:
        session.backing.spool.drop(file)
    # RFC 8508 §3.5: told before the EXPUNGE of the old one.
    yield b"* OK [" + _appenduid(folder, uids) + b"] the new one\r\n"
    return done("REPLACE")


def _file_instead(
    source_id: int, old: list[int], folder_id: int, ready: list[Ready], now: datetime, tx: Any
) -> tuple[list[int], Expunged | None]:
    """Nothing is filed where the old mail is gone: the client must look again."""
    folder_state.lock_folders(tx, source_id, folder_id)
    if not mail_scan.are_there(tx, source_id, old):
        return [], None
    uids = _file_all(folder_id, ready, now, tx)
    return uids, removal.remove(tx, source_id, old)


# --- quota ----------------------------------------------------------------------------------------------------


def check_quota(session: Session, more: Callable[[Any], int]) -> None:
    """RefusedError where the account has a quota and `more` octets would pass it."""
    account = session.account
    assert account is not None
    if account.quota_bytes is None:
        return
    with session.backing.stores.mail.database.read() as tx:
        if quota.usage(tx, account.id).octets + more(tx) > account.quota_bytes:
            raise RefusedError("the mailbox is full", b"OVERQUOTA")


COMMANDS: Final[Table] = {
    b"APPEND": Command(SIGNED_IN, _read, _append),
    b"REPLACE": Command(SELECTED, partial(_read_replace, is_uid=False), _replace),
    b"UID REPLACE": Command(SELECTED, partial(_read_replace, is_uid=True), _replace),
}
