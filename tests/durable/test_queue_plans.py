"""The queue's page asks indexes, never the whole ledger: what SQLite says of the statements that it runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import event

from admin.acts import queue
from admin.acts.queue import Asked
from admin.office import Office
from peers.rows import VAULT
from store.stores import open_stores


def test_no_row_of_the_ledger_is_looked_at_that_does_not_wait(migrated_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "databases"
    shutil.copytree(migrated_folder, folder)
    stores = open_stores(str(folder))
    office = Office(stores, VAULT, tmp_path, "ours.test", (), threads=False)
    asked: list[tuple[str, Any]] = []
    with stores.core.database.read() as core:
        event.listen(
            core.engine, "before_cursor_execute", lambda _c, _u, words, given, *_: asked.append((words, given))
        )
        queue.page(office, Asked(1, site=None, state=None), None, 100)
        told = list(asked)
        plans = [
            row[3]
            for words, given in told
            if words.startswith("SELECT")
            for row in core.connection.cursor().execute(f"EXPLAIN QUERY PLAN {words}", given)
        ]
    stores.close()
    assert any("ix_recipients_claimed" in one for one in plans), plans
    assert not [one for one in plans if "recipients USING INTEGER PRIMARY KEY (rowid>" in one or "SCAN recip" in one]
