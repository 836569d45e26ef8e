"""Counts how TLS with remote hosts went, in memory for a moment, then in `events` for the reports of RFC 8460.

Crash case: what was counted in the last second is lost; a report that is one short harms nobody.
"""

from __future__ import annotations

from collections import Counter
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
        """Hand what was counted to the journal; blocks until it is saved, so on a thread."""
        counted, self._counted = self._counted, Counter()
        if counted:
            day = datetime.now(UTC).date().isoformat()
            self._context.stores.events.journal.run(lambda tx: tls_results.count(tx, day, counted))
