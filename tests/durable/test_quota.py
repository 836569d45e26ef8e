"""What a mailbox holds is counted as it changes, and the count is what a sum over its mails says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, func, select

from mail.mime_index import index
from store import filing, flagging, folders, quota, removal
from store.flagging import Change
from store.quota import Usage
from store.schema import filed
from store.schema import folders as table
from store.spool import Stored
from store.stores import Stores

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MAIL = b"Subject: x\r\n\r\nbody\r\n"
ANN, BOB = 7, 8


def file_in(tx: Connection, folder: int, size: int, arrival: int | None = None) -> int:
    content = MAIL + b"x" * (size - len(MAIL))
    return filing.file_message(tx, folder, Stored(size, content, None), index(content), (), NOW, NOW, arrival)


def counted(stores: Stores, mailbox: int = ANN) -> Usage:
    """What the counters say, which is what the mails add up to."""
    with stores.mail.database.read() as tx:
        owned = select(table.c.id).where(table.c.mailbox_id == mailbox)
        row = tx.execute(select(func.count(), func.sum(filed.c.size_bytes)).where(filed.c.folder_id.in_(owned))).one()
        told = quota.usage(tx, mailbox)
    assert told == Usage(row[0], int(row[1] or 0))
    return told


@pytest.fixture
def inbox(stores: Stores) -> int:
    return stores.mail.journal.run(lambda tx: folders.ensure_folders(tx, ANN, NOW))


def test_filing_adds_and_the_same_arrival_adds_once(stores: Stores, inbox: int) -> None:
    assert counted(stores) == Usage(0, 0)
    run = stores.mail.journal.run
    first = run(lambda tx: file_in(tx, inbox, 100, arrival=1))
    assert run(lambda tx: file_in(tx, inbox, 100, arrival=1)) == first
    run(lambda tx: file_in(tx, inbox, 50))
    assert counted(stores) == Usage(2, 150)
    assert counted(stores, BOB) == Usage(0, 0)


def test_copy_adds_move_keeps_expunge_and_delete_take_away(stores: Stores, inbox: int) -> None:
    run = stores.mail.journal.run
    other = run(lambda tx: folders.create(tx, ANN, "other", NOW)).id
    uids = [run(lambda tx, size=size: file_in(tx, inbox, size)) for size in (100, 200, 300)]
    run(lambda tx: filing.copy(tx, inbox, uids[:2], other, NOW))
    assert counted(stores) == Usage(5, 900)
    run(lambda tx: filing.move(tx, inbox, uids[2:], other, NOW))
    assert counted(stores) == Usage(5, 900)
    run(lambda tx: flagging.store_flags(tx, inbox, uids, Change.ADD, ["\\Deleted"]))
    run(lambda tx: removal.expunge(tx, inbox, uids))
    assert counted(stores) == Usage(3, 600)
    run(lambda tx: removal.delete_folder(tx, other))
    assert counted(stores) == Usage(0, 0)


def test_a_renamed_inbox_takes_its_count_along(stores: Stores, inbox: int) -> None:
    run = stores.mail.journal.run
    run(lambda tx: file_in(tx, inbox, 100))

    def rename(tx: Connection) -> None:
        found = folders.by_id(tx, inbox)
        assert found is not None
        filing.empty_into(tx, found, "old", NOW)

    run(rename)
    run(lambda tx: file_in(tx, inbox, 30))
    assert counted(stores) == Usage(2, 130)
