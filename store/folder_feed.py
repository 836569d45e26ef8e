"""Which folders have changed since the last look, on one connection of its own (`mail`); for one thread."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import select

from store.database import Database
from store.schema import folders

_HEIGHT = (folders.c.id, folders.c.highestmodseq)


class ChangeFeed:
    """Tells which folders have changed since the last look, on one connection of its own; for one thread.

    SQLite's data_version says in 3 us that nobody has committed; PostgreSQL is asked for the rows.
    """

    def __init__(self, database: Database) -> None:
        self._connection = database.engine.connect()
        self._version: int | None = None
        self._known: dict[int, int] = {}

    def poll(self, watched: Collection[int]) -> list[int]:
        """Those of `watched` whose HIGHESTMODSEQ is not what the last poll saw, or that are new to it, or gone."""
        with self._connection.begin():
            if self._quiet() and set(watched) <= self._known.keys():
                return []
            now = self._highest(watched)
        changed = [folder for folder in watched if self._known.get(folder) != now.get(folder, 0)]
        self._known = {folder: now.get(folder, 0) for folder in watched}
        return changed

    def close(self) -> None:
        self._connection.close()

    def _quiet(self) -> bool:
        if self._connection.dialect.name != "sqlite":
            return False
        version = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        same = bool(version == self._version)
        self._version = version
        return same

    def _highest(self, watched: Iterable[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        ids = list(watched)
        for start in range(0, len(ids), 500):
            wanted = folders.c.id.in_(ids[start : start + 500])
            found.update((row[0], row[1]) for row in self._connection.execute(select(*_HEIGHT).where(wanted)))
        return found
