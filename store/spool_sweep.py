"""Removes the files of the spool that no row names: left by a crash between a file and its row, or after its row went.

A duty of the clock. A file is asked about by its name in `core` (submitted mail) and `mail` (what came in, mailboxes),
in batches, by index. Crash case: none; it looks again next time. Only files older than GRACE are looked at, longer than
any transaction that is to name one may take.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import Table, select

from store.database import Database
from store.schema import contents, messages
from store.spool import Spool
from store.stores import Stores

GRACE: Final = timedelta(days=1)
BATCH: Final = 500


def sweep(stores: Stores, spool: Spool, now: datetime) -> int:
    """How many files were removed."""
    names = spool.older(now - GRACE)
    gone = 0
    while batch := list(islice(names, BATCH)):
        named = _named(stores.core.database, messages, batch) | _named(stores.mail.database, contents, batch)
        for name in batch:
            if name not in named:
                spool.drop(name)
                gone += 1
    return gone


def _named(database: Database, table: Table, names: Sequence[str]) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(table.c.file).where(table.c.file.in_(names))).scalars())
