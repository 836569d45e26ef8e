"""Counts how TLS with remote hosts went, in memory for a moment, then in `events` for the reports of RFC 8460.

Crash case: what was counted in the last second is lost; a report that is one short harms nobody. So it is with a
database that fails: no mail waits for statistics.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from datetime import UTC, datetime

from mail.tls_report import Session
from role.context import Context
from store import tls_results


class TlsTally:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._counted: Counter[Session] = Counter()

    def add(self, session: Session) -> None:
        self._counted[session] += 1

    def flush(self) -> None:
        """Hand what was counted to the journal, without waiting for it."""
        counted, self._counted = self._counted, Counter()
        if counted:
            day = datetime.now(UTC).date().isoformat()
            saved = self._context.stores.events.journal.submit(lambda tx: tls_results.count(tx, day, counted))
            saved.add_done_callback(self._logged)

    def _logged(self, saved: Future[None]) -> None:
        if (error := saved.exception()) is not None:
            self._context.log.error("tls_results_lost", raised=error)
