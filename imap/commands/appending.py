"""APPEND (RFC 3501 §6.3.11; APPENDUID: RFC 4315 §3): OK is said after the mail is durable.

Crash case: killed between commit and OK, the mail is there and the client, which never heard, may send it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from imap.answer import MalformedError, RefusedError, Running, Wait, done
from imap.session import SIGNED_IN, Command, Session, Table
from imap.wire_cursor import Cursor
from mail.mime_index import index
from store import filing, quota
from store.filing import FolderGoneError

FLAGS_LIMIT: Final = 100  # flags on one mail
FLAG_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Appended:
    folder: str
    flags: list[str]
    date: datetime | None
    octets: bytes


def _read(cursor: Cursor) -> Appended:
    cursor.space()
    folder = cursor.mailbox()
    cursor.space()
    flags: list[str] = []
    if cursor.peek() == b"(":
        flags = checked_flags(cursor.flag_list())
        cursor.space()
    date = None
    if cursor.peek() == b'"':
        date = cursor.date_time()
        cursor.space()
    return Appended(folder, flags, date, cursor.literal())


def checked_flags(flags: list[str]) -> list[str]:
    """As they are kept: without \\Recent, which is nobody's to set; MalformedError for other unknown system flags."""
    known = {flag.lower() for flag in filing.SYSTEM_FLAGS}
    kept = [flag for flag in flags if flag.lower() != "\\recent"]
    if len(kept) > FLAGS_LIMIT or any(len(flag) > FLAG_LENGTH for flag in kept):
        raise MalformedError(f"at most {FLAGS_LIMIT} flags of {FLAG_LENGTH} characters")
    for flag in kept:
        if flag.startswith("\\") and flag.lower() not in known:
            raise MalformedError(f"no such system flag: {flag}")
    return kept


def _append(session: Session, mail: Appended) -> Running:
    folder = session.folder(mail.folder, b"TRYCREATE")
    if not mail.octets:
        raise RefusedError("a mail of no octets")
    if b"\0" in mail.octets:
        raise RefusedError("NUL in a mail: that wants BINARY, which is not offered")
    check_quota(session, lambda _: len(mail.octets))
    indexed = index(mail.octets)
    stored = session.backing.spool.put(mail.octets)
    now = session.backing.now()
    date = mail.date or now
    journal = session.backing.stores.mail.journal
    try:
        uid = yield Wait(
            journal.submit(lambda tx: filing.file_message(tx, folder.id, stored, indexed, mail.flags, date, now))
        )
    except FolderGoneError as error:
        session.backing.spool.drop(stored.file)
        raise RefusedError("there is no such folder", b"TRYCREATE") from error
    return done("APPEND", b"APPENDUID %d %d" % (folder.uidvalidity, uid))


def check_quota(session: Session, more: Callable[[Any], int]) -> None:
    """RefusedError where the account has a quota and `more` octets would pass it."""
    account = session.account
    assert account is not None
    if account.quota_bytes is None:
        return
    with session.backing.stores.mail.database.read() as tx:
        if quota.usage(tx, account.id).octets + more(tx) > account.quota_bytes:
            raise RefusedError("the mailbox is full", b"OVERQUOTA")


COMMANDS: Final[Table] = {b"APPEND": Command(SIGNED_IN, _read, _append)}
