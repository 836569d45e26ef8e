"""Whether anything was committed to a database since the last look, for a few microseconds.

So that who waits for rows need not ask for them ten times a second. On SQLite the file's change counter (3 us), on
PostgreSQL the position of its log (a round trip, so not for an event loop). It may say yes without need, never no
where rows came. For one thread at a time; its connection is its own, opened at the first look, so after any fork.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from store.database import Database


class Changes:
    """`blocks`: whether a look waits for a server."""

    def __init__(self, database: Database) -> None:
        self.blocks = database.postgresql
        self._database = database
        self._connection: Any = None
        self._last: Any = None

    def look(self) -> bool:
        """True at the first look, too, and where the database cannot be asked: who then reads it sees why."""
        try:
            now = self._position() if self.blocks else self._version()
        except (sqlite3.Error, SQLAlchemyError):
            self._last = None
            with suppress(sqlite3.Error, SQLAlchemyError):
                self.close()
            return True
        moved: bool = now != self._last
        self._last = now
        return moved

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _version(self) -> Any:
        if self._connection is None:
            assert self._database.file is not None
            # No waiting for a lock: a look that fails is a yes.
            file = self._database.file.absolute().as_uri() + "?mode=rw"
            self._connection = sqlite3.connect(file, uri=True, timeout=0, check_same_thread=False)
        return self._connection.execute("PRAGMA data_version").fetchone()

    def _position(self) -> Any:
        """One round trip: through the pool it would be four, ten times a second."""
        if self._connection is None:
            self._connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()").scalar_one()
