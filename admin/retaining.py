"""The clock's duty of dropping what is older than `[retention]` says: a bounded part of it each time.

`step` is called by admin/clock once a minute. Crash case: as in store/retention; where it stood among the arrivals is
in memory, so a new clock looks once more past those that conversations keep.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from prometheus_client import Counter

from admin.office import Office
from store import retention
from store.settings import Retention
from store.spool import Spool

_ROUNDS: Final = 50  # transactions of one kind and step: 10,000 rows a minute

_FORGOTTEN: Final = Counter("mailloft_retention_dropped", "Rows that were dropped because of their age", ["of"])


class Retaining:
    def __init__(self, office: Office, spool: Spool, kept: Retention) -> None:
        self._office = office
        self._spool = spool
        self._kept = kept
        self._behind = 0

    def step(self, now: datetime) -> None:
        stores, kept = self._office.stores, self._kept
        if kept.conversations:
            letters = now - kept.conversations
            if _until_done(
                "letters", lambda: stores.mail.journal.run(lambda tx: retention.forget_letters(tx, letters))
            ):
                self._behind = 0  # what they kept may go
        if kept.arrivals:
            self._drop_arrivals(now - kept.arrivals)
        if kept.attempts:
            tries = now - kept.attempts
            _until_done("attempts", lambda: stores.events.journal.run(lambda tx: retention.forget_attempts(tx, tries)))

    def _drop_arrivals(self, before: datetime) -> None:
        for _ in range(_ROUNDS):
            with self._office.stores.mail.database.read() as connection:
                looked = retention.old_arrivals(connection, self._behind, before)
            if looked.old:
                self._drop(looked.old)
            self._behind = looked.behind
            if not looked.more:
                return

    def _drop(self, old: tuple[int, ...]) -> None:
        stores = self._office.stores
        stores.core.journal.run(lambda tx: retention.forget_forwards(tx, old))
        for file in stores.mail.journal.run(lambda tx: retention.forget_arrivals(tx, old)):
            self._spool.drop(file)
        _FORGOTTEN.labels("arrivals").inc(len(old))


def _until_done(what: str, drop: Callable[[], int]) -> int:
    """How many were dropped."""
    dropped = 0
    for _ in range(_ROUNDS):
        gone = drop()
        dropped += gone
        if gone < retention.AT_ONCE:
            break
    _FORGOTTEN.labels(what).inc(dropped)
    return dropped
