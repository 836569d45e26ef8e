"""A mailbox goes: at once for people and the MX, then its mails, a few hundred at a time.

Its row leaves `core` together with a note of its id; the clock empties `mail` of that id by the note. So nothing is
removed that no person said so of, whatever a restore brings together. Crash case: the note stays and the clock goes on.
A mail that was under way may be filed behind the last look; so a note is kept, and looked at again, for LATE.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from store import removal
from store.removal import Expunged
from store.schema import (
    app_passwords,
    correspondents,
    expunged,
    folders,
    mailboxes,
    migrated_folders,
    removed_mailboxes,
    subscriptions,
)
from store.stores import Stores

LATE: Final = timedelta(days=1)
ROWS: Final = 200  # mails of one write, which must not hold the gate longer than 20 ms


def remove(tx: Connection, project_id: int, mailbox_id: int, now: datetime) -> bool:
    """On `core`: whether the project had it. Nobody signs in to it from now on, and mail to it is refused."""
    mine = (mailboxes.c.id == mailbox_id) & (mailboxes.c.project_id == project_id)
    if tx.execute(select(mailboxes.c.id).where(mine)).first() is None:
        return False
    for table in (app_passwords, correspondents):
        tx.execute(delete(table).where(table.c.mailbox_id == mailbox_id))
    tx.execute(delete(mailboxes).where(mine))
    tx.execute(insert(removed_mailboxes).values(mailbox_id=mailbox_id, removed_at=now))
    return True


def empty_all(stores: Stores, now: datetime) -> Iterator[str]:
    """Remove what is left of their mails; the spool files that no row names any more, each after its commit."""
    with stores.core.database.read() as tx:
        noted = tx.execute(select(removed_mailboxes.c.mailbox_id, removed_mailboxes.c.removed_at)).all()
    for mailbox_id, removed_at in noted:
        yield from _emptied(stores, mailbox_id)
        if removed_at < now - LATE:
            stores.core.journal.run(partial(_forget, mailbox_id=mailbox_id))


def _forget(tx: Connection, mailbox_id: int) -> None:
    tx.execute(delete(removed_mailboxes).where(removed_mailboxes.c.mailbox_id == mailbox_id))


def _emptied(stores: Stores, mailbox_id: int) -> Iterator[str]:
    gone: Expunged | None = Expunged((), ())
    while gone is not None:
        yield from gone.files
        gone = stores.mail.journal.run(lambda tx: _some(tx, mailbox_id))


def _some(tx: Connection, mailbox_id: int) -> Expunged | None:
    """A few mails of one of its folders, or the empty folder; None where nothing is left."""
    folder_id = tx.execute(select(folders.c.id).where(folders.c.mailbox_id == mailbox_id).limit(1)).scalar()
    if folder_id is None:
        for table in (subscriptions, migrated_folders):
            tx.execute(delete(table).where(table.c.mailbox_id == mailbox_id))
        return None
    gone = removal.clear(tx, folder_id, ROWS)
    if not gone.uids:
        tx.execute(delete(expunged).where(expunged.c.folder_id == folder_id))
        tx.execute(delete(folders).where(folders.c.id == folder_id))
    return gone
