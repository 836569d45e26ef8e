"""Writers of the same folders take their locks in one order: on PostgreSQL none is told of a deadlock."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import text

from store import folders, removal
from store.stores import Stores

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACCOUNT = 7


def until_one_waits(stores: Stores) -> None:
    """On SQLite the next writer waits at the gate, where nobody sees it."""
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    deadline = time.monotonic() + 20
    while stores.mail.database.postgresql and time.monotonic() < deadline:
        with stores.mail.database.read() as tx:
            if tx.execute(waits).scalar_one():
                return
        time.sleep(0.02)
    assert not stores.mail.database.postgresql, "the second writer never waited"


def test_a_folder_is_renamed_while_it_is_deleted_elsewhere(stores: Stores) -> None:
    with stores.mail.database.write() as tx:
        folders.ensure_folders(tx, ACCOUNT, NOW)
        folder = folders.create(tx, ACCOUNT, "plans", NOW)
    with ThreadPoolExecutor(1) as elsewhere:
        with stores.mail.database.write() as tx:
            folders.create(tx, ACCOUNT, "others", NOW)  # begins as a renaming does: with the account's names
            deleting = elsewhere.submit(delete, stores, folder.id)
            until_one_waits(stores)
            folders.rename(tx, folder, "done", NOW)
        deleting.result(20)
    with stores.mail.database.read() as tx:
        names = [one.name for one in folders.all_of(tx, ACCOUNT)]
    assert "others" in names
    assert not {"plans", "done"} & set(names)


def delete(stores: Stores, folder_id: int) -> None:
    with stores.mail.database.write() as tx:
        removal.delete_folder(tx, folder_id)
