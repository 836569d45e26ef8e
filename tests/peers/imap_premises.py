"""One IMAP role for all tests of a file: on SQLite, Ann and Bob in it. `role` fixtures are made of this."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers.imap_role import ImapRole, serving, settle_accounts
from store.stores import open_stores


@contextmanager
def serving_ann_and_bob(migrated: Path, folder: Path, **settings: Any) -> Iterator[ImapRole]:
    """`migrated`: a folder of migrated databases, which is copied."""
    location = folder / "databases"
    shutil.copytree(migrated, location)
    stores = open_stores(str(location))
    settle_accounts(stores)
    stores.close()
    with serving(folder, str(location), **settings) as running:
        yield running
