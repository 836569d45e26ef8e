"""One IMAP role for all tests of a file, Ann and Bob in it. `role` fixtures are made of this."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers.imap_role import ImapRole, serving, settle_accounts
from store.stores import open_stores


@contextmanager
def serving_ann_and_bob(migrated: Path | str, folder: Path, **settings: Any) -> Iterator[ImapRole]:
    """`migrated`: a folder of migrated databases, which is copied; or the URL of an empty PostgreSQL."""
    location = str(migrated)
    if isinstance(migrated, Path):
        location = str(folder / "databases")
        shutil.copytree(migrated, location)
    stores = open_stores(location)
    settle_accounts(stores)
    stores.close()
    with serving(folder, location, **settings) as running:
        yield running
