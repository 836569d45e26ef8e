"""Saves the results of a few tens of milliseconds in one transaction, then their lines in the attempt log.

Crash case: killed before the commit, the rows are INFLIGHT and are sent again by the successor: a repeat with the
same Message-ID for what was delivered, never a loss; a DSN to who submitted it is in the same commit. A
database that is locked, full or gone is asked again until it answers: a result is not forgotten while the process
lives, and the sender promotes nothing meanwhile because its hands are full.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import Counter, Histogram

from mta.outbound.job import Done
from role.context import Context
from store import attempts, ledger

PAUSE: Final = 0.03  # seconds that results gather
GROUP: Final = 200  # rows of one transaction
AGAIN: Final = 0.5  # seconds before a failed transaction is tried again

SETTLED = Counter("mailloft_settled_total", "Ledger rows settled, by event of policy/lifecycle", ["event"])
LATENCY = Histogram("mailloft_settle_seconds", "From gathering results to their commit")
FAILURES = Counter("mailloft_settle_failures_total", "Settlements that the database refused and that are tried again")


class Settler:
    """Results in by `take`, `settled` called with the rows that left the worker's hands.

    `delay_warning`: how long after its acceptance who submitted a message hears that it still waits.
    """

    def __init__(
        self, context: Context, worker: int, delay_warning: timedelta, settled: Callable[[Sequence[int]], None]
    ) -> None:
        self._context = context
        self._worker = worker
        self._delay_warning = delay_warning
        self._settled = settled
        self._gathered: list[Done] = []
        self._arrived = asyncio.Event()
        self._closing = False

    def take(self, done: Done) -> None:
        self._gathered.append(done)
        self._arrived.set()

    async def run(self) -> None:
        """Until `close` and until nothing is left."""
        while not self._closing or self._gathered:
            await self._arrived.wait()
            if not self._closing and len(self._gathered) < GROUP:
                await asyncio.sleep(PAUSE)
            group, self._gathered = self._gathered[:GROUP], self._gathered[GROUP:]
            await self._save(group)
            if not self._gathered and not self._closing:
                self._arrived.clear()

    def close(self) -> None:
        self._closing = True
        self._arrived.set()

    async def _save(self, group: list[Done]) -> None:
        settlements = [done.settlement for done in group]
        with LATENCY.time():
            while not await self._saved(settlements):
                FAILURES.inc()
                await asyncio.sleep(AGAIN)
        for event, count in Tally(settlement.event for settlement in settlements).items():
            SETTLED.labels(event.value).inc(count)
        self._settled([settlement.recipient_id for settlement in settlements])
        made = [done.attempt for done in group if done.attempt is not None]
        # Not awaited: the outcome is safe in core, and the next group need not wait for the log.
        written = self._context.stores.events.journal.submit(lambda tx: attempts.record(tx, made))
        written.add_done_callback(self._logged)

    def _logged(self, written: Future[None]) -> None:
        if (error := written.exception()) is not None:
            self._context.log.error("attempts_lost", raised=error)

    async def _saved(self, settlements: list[ledger.Settlement]) -> bool:
        now = datetime.now(UTC)
        save = self._context.stores.core.journal.submit(
            lambda tx: ledger.settle(tx, self._worker, settlements, now, self._delay_warning)
        )
        try:
            await asyncio.wrap_future(save)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the database, the results stay ours
            self._context.log.error("settle_failed", raised=error, rows=len(settlements))
            return False
        return True
