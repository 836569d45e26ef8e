"""What the acts of admin/acts work with: the stores, the secrets, and what the appliance is called outside.

The API, the command line, the clock and the parent's first start all act through one of these, so that a noun
behaves the same whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from role.log import EventLog
from store.secrets import Vault
from store.settings import Settings
from store.spool import Spool
from store.stores import Book, Stores

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Office:
    """`threads` False: the caller is a process that must stay single-threaded, so it writes without the journal."""

    stores: Stores
    vault: Vault
    uploads: Path
    hostname: str
    sending_addresses: tuple[str, ...]
    threads: bool = True
    settings: Settings = field(default_factory=Settings)
    folder: Path = Path()  # DIR, for what only a file of it tells
    log: EventLog = field(default_factory=lambda: EventLog("admin"))

    def read(self) -> AbstractContextManager[Any]:
        return self.stores.core.database.read()

    def write(self, work: Callable[[Any], T]) -> T:
        """What `work` returns, once its transaction on `core` is durable; what it raises undoes it."""
        return self._write(self.stores.core, work)

    def write_mail(self, work: Callable[[Any], T]) -> T:
        """The same on `mail`; what belongs to both is written on `core` first."""
        return self._write(self.stores.mail, work)

    def _write(self, book: Book, work: Callable[[Any], T]) -> T:
        if self.threads:
            return book.journal.run(work)
        with book.database.write() as transaction:
            return work(transaction)

    @property
    def spool(self) -> Spool:
        return Spool(self.uploads.parent)

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)
