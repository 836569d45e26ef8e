"""Folders of a mailbox: names, special uses and UIDVALIDITY.

The caller owns the transaction (on `mail`). The order of a write: a folder's row is updated first, which locks it
on PostgreSQL; then its mails. A UIDVALIDITY is the second it was given out or one more than the last of that
account, and the last is kept in a row whose name is empty (no folder has that name), so deleting and creating a
folder never gives the same again (RFC 3501 §2.3.1.1), nor does a clock that went backwards. That row's `uidnext` is the
highest UIDVALIDITY that any name was left with: above it, a folder may take its own along to another name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store import subscriptions
from store.prepared import Prepared
from store.schema import folders

SEPARATOR: Final = "/"
INBOX: Final = "INBOX"
# RFC 6154 §2: what a client looks for by its use, under the names most of them use themselves.
DEFAULTS: Final = (
    (INBOX, None),
    ("Sent", "\\Sent"),
    ("Drafts", "\\Drafts"),
    ("Junk", "\\Junk"),
    ("Trash", "\\Trash"),
    ("Archive", "\\Archive"),
)
_LAST = ""  # the name of the row that keeps an account's last UIDVALIDITY


class FolderExistsError(Exception):
    """The account has a folder of this name."""


@dataclass(frozen=True, slots=True)
class Folder:
    id: int
    mailbox_id: int
    name: str
    special_use: str | None
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    born: int
    recent_from: int

    @property
    def object_id(self) -> str:
        """MAILBOXID (RFC 8474): stays when it is renamed, and no other folder of the account ever has it."""
        return f"F{self.id}-{self.born}"


def ensure_folders(tx: Connection, mailbox_id: int, now: datetime) -> int:
    """The INBOX's id; the default folders are made where the account has no INBOX. Idempotent."""
    inbox = by_name(tx, mailbox_id, INBOX)
    if inbox is None:
        validity = _next_uidvalidity(tx, mailbox_id, now)
        for name, use in DEFAULTS:
            tx.execute(_insert(tx, mailbox_id, name, use, validity).on_conflict_do_nothing())
        subscriptions.add(tx, mailbox_id, [name for name, _ in DEFAULTS])
        inbox = by_name(tx, mailbox_id, INBOX)
        assert inbox is not None
    return inbox.id


def by_use(tx: Connection, mailbox_id: int, special_use: str) -> Folder | None:
    """The folder a mail of that use goes to ("\\Sent", "\\Junk", ...), the oldest where there are two."""
    wanted = (folders.c.mailbox_id == mailbox_id) & (folders.c.special_use == special_use)
    row = tx.execute(select(*_COLUMNS).where(wanted).order_by(folders.c.id).limit(1)).one_or_none()
    return None if row is None else _folder(row)


def all_of(tx: Connection, mailbox_id: int) -> list[Folder]:
    """Sorted by name, INBOX first."""
    wanted = (folders.c.mailbox_id == mailbox_id) & (folders.c.name != _LAST)
    rows = [_folder(row) for row in tx.execute(select(*_COLUMNS).where(wanted))]
    return sorted(rows, key=lambda folder: (folder.name != INBOX, folder.name))


def by_name(tx: Connection, mailbox_id: int, name: str) -> Folder | None:
    """Exactly that name; the caller has made INBOX of every spelling of it."""
    if name == _LAST:
        return None
    row = _BY_NAME.row(tx, of_mailbox=mailbox_id, of_name=name)
    return None if row is None else _folder(row)


def account_row(tx: Connection, mailbox_id: int) -> int:
    """The id of the row whose HIGHESTMODSEQ rises with each change of names and subscriptions; 0 where none is."""
    row = _BY_NAME.row(tx, of_mailbox=mailbox_id, of_name=_LAST)
    return 0 if row is None else _folder(row).id


def by_id(tx: Connection, folder_id: int) -> Folder | None:
    row = _BY_ID.row(tx, of_folder=folder_id)
    return None if row is None else _folder(row)


def create(tx: Connection, mailbox_id: int, name: str, now: datetime, special_use: str | None = None) -> Folder:
    """With the parents that are missing (RFC 3501 §6.3.3). FolderExistsError."""
    if by_name(tx, mailbox_id, name) is not None:
        raise FolderExistsError(name)
    validity = _next_uidvalidity(tx, mailbox_id, now)
    for parent in _parents(name):
        tx.execute(_insert(tx, mailbox_id, parent, None, validity).on_conflict_do_nothing())
    row = tx.execute(_insert(tx, mailbox_id, name, special_use, validity).returning(*_COLUMNS)).one()
    return _folder(row)


def remove(tx: Connection, folder_id: int) -> None:
    """Delete the row of a folder whose mails are gone already (`removal.delete_folder`)."""
    told = (folders.c.mailbox_id, folders.c.uidvalidity)
    gone = tx.execute(delete(folders).where(folders.c.id == folder_id).returning(*told)).one_or_none()
    if gone is not None:
        _leave(tx, gone.mailbox_id, gone.uidvalidity)
        subscriptions.note(tx, gone.mailbox_id)


def rename(tx: Connection, folder: Folder, name: str, now: datetime) -> None:
    """With all its inferiors. UIDs stay; UIDVALIDITY rises where a folder of the new name may have had as high a one.

    FolderExistsError where the new name is taken.
    """
    if by_name(tx, folder.mailbox_id, name) is not None:
        raise FolderExistsError(name)
    inferiors = [other for other in all_of(tx, folder.mailbox_id) if other.name.startswith(folder.name + SEPARATOR)]
    validity = _next_uidvalidity(tx, folder.mailbox_id, now)
    for parent in _parents(name):
        tx.execute(_insert(tx, folder.mailbox_id, parent, None, validity).on_conflict_do_nothing())
    account = _BY_NAME.row(tx, of_mailbox=folder.mailbox_id, of_name=_LAST)
    left = 0 if account is None else _folder(account).uidnext
    for moved in sorted([folder, *inferiors], key=lambda one: one.id):  # as `folder_state.lock_folders` takes them
        kept = moved.uidvalidity if moved.uidvalidity > left else validity
        named = {"name": name + moved.name[len(folder.name) :], "uidvalidity": kept}
        tx.execute(update(folders).where(folders.c.id == moved.id).values(named))
    _leave(tx, folder.mailbox_id, max(moved.uidvalidity for moved in [folder, *inferiors]))


def lock_names(tx: Connection, folder_id: int) -> None:
    """Hold the names of the folder's account, before any of its folders: every change of names begins there."""
    whose = select(folders.c.mailbox_id).where(folders.c.id == folder_id).scalar_subquery()
    names = select(folders.c.id).where(folders.c.mailbox_id == whose, folders.c.name == _LAST)
    tx.execute(names.with_for_update())


def _leave(tx: Connection, mailbox_id: int, uidvalidity: int) -> None:
    """A name that a folder of this UIDVALIDITY had is free again."""
    higher = case((folders.c.uidnext < uidvalidity, uidvalidity), else_=folders.c.uidnext)
    mine = (folders.c.mailbox_id == mailbox_id) & (folders.c.name == _LAST)
    tx.execute(update(folders).where(mine).values(uidnext=higher))


def renew_uidvalidity(tx: Connection, now: datetime) -> int:
    """Every folder gets a higher UIDVALIDITY, after a restore from a backup; how many folders.

    What was given out after the backup was made is unknown here: clients must not take its UIDs for others.
    """
    second = int(now.timestamp())
    higher = case((folders.c.uidvalidity >= second, folders.c.uidvalidity + 1), else_=second)
    left = case((folders.c.name == _LAST, higher), else_=folders.c.uidnext)
    raised = {"uidvalidity": higher, "uidnext": left, "highestmodseq": folders.c.highestmodseq + 1}
    tx.execute(update(folders).values(raised))
    return int(tx.execute(select(func.count()).select_from(folders).where(folders.c.name != _LAST)).scalar_one())


_HERE = folders.c.id == bindparam("of_folder")
_COLUMNS = tuple(folders.c[name] for name in Folder.__slots__)
# Made once: every command asks one of them.
_BY_NAME = Prepared(
    select(*_COLUMNS).where(folders.c.mailbox_id == bindparam("of_mailbox"), folders.c.name == bindparam("of_name"))
)
_BY_ID = Prepared(select(*_COLUMNS).where(_HERE))


def _folder(row: Sequence[Any]) -> Folder:
    return Folder(*row)


def _parents(name: str) -> list[str]:
    pieces = name.split(SEPARATOR)
    return [SEPARATOR.join(pieces[:depth]) for depth in range(1, len(pieces))]


def _insert(
    tx: Connection, mailbox_id: int, name: str, use: str | None, validity: int
) -> sqlite.Insert | postgresql.Insert:
    make = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    return make(folders).values(mailbox_id=mailbox_id, name=name, special_use=use, uidvalidity=validity, born=validity)


def _next_uidvalidity(tx: Connection, mailbox_id: int, now: datetime) -> int:
    second = int(now.timestamp())
    higher = case((folders.c.uidvalidity >= second, folders.c.uidvalidity + 1), else_=second)
    raised = {"uidvalidity": higher, "highestmodseq": folders.c.highestmodseq + 1}
    statement = (
        _insert(tx, mailbox_id, _LAST, None, second)
        .on_conflict_do_update(
            index_elements=["mailbox_id", "name"],
            set_=raised,
        )
        .returning(folders.c.uidvalidity)
    )
    return int(tx.execute(statement).scalar_one())
