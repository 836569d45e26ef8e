"""The three databases of one appliance with their journals: what every role is handed at its start."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Database
from store.journal import Journal


@dataclass(frozen=True, slots=True)
class Book:
    """One database: `read()` for look-ups, `journal` for writes."""

    database: Database
    journal: Journal


@dataclass(frozen=True, slots=True)
class Stores:
    core: Book
    mail: Book
    events: Book

    def prepare(self) -> None:
        """Before a fork, for the children: nothing is opened."""
        for book in (self.core, self.mail, self.events):
            book.database.prepare()

    def close(self) -> None:
        for book in (self.core, self.mail, self.events):
            book.journal.close()
            book.database.close()


def open_stores(location: str) -> Stores:
    """`location`: a PostgreSQL URL, or the folder of the SQLite files. Nothing is opened before the first use."""
    core, mail, events = (Database(name, location) for name in ("core", "mail", "events"))
    return Stores(*(Book(database, Journal(database)) for database in (core, mail, events)))
