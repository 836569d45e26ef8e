"""Counts what DMARC made of mail, in memory for a moment, then in `events` for the daily reports (RFC 7489 §7.2).

Called by mta/inbound/authenticate in threads, flushed on the loop of the role. Only domains that ask for reports are
counted. What a stranger may make us keep is bounded: behind DETAILED different rows of a domain a day the names that a
sender chooses freely are left out, behind MOST nothing more is counted. Crash case: the last seconds are lost; a report
that is a few short harms nobody. So it is with a database that fails: no mail waits for statistics.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Final

from prometheus_client import Counter as Metric

from mail.aggregate_report import PolicySeen, Row, SignatureResult
from mail.host_name import is_host_name
from mta.inbound.results import Results
from policy.authentication import DmarcRecord, DmarcResult, Published
from role.log import EventLog
from store import dmarc_results
from store.stores import Stores

EVERY: Final = 2.0  # seconds between flushes
DETAILED: Final = 1_000
MOST: Final = 10_000
_ALL: Final = 100_000  # rows of all domains a day, about 1 kB each

_DROPPED: Final = Metric("mailloft_mx_dmarc_rows_dropped", "Messages left out of DMARC reports, there being too many")

Key = tuple[str, PolicySeen, Row]


class DmarcTally:
    def __init__(self, stores: Stores, log: EventLog) -> None:
        self._stores = stores
        self._log = log
        self._lock = Lock()
        self._counted: Counter[Key] = Counter()
        self._day = ""
        self._seen: set[tuple[str, Row]] = set()  # of this day
        self._rows: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, peer: str, results: Results, now: datetime) -> None:
        published = results.verdict.published
        if published is None or not published.record.reports or results.verdict.result is DmarcResult.TEMPERROR:
            return
        policy, day = policy_seen(published), now.date().isoformat()
        with self._lock:
            row = self._bounded(day, policy.domain, row_of(peer, results))
            if row is None:
                _DROPPED.inc()
            else:
                self._counted[day, policy, row] += 1

    def _bounded(self, day: str, domain: str, row: Row) -> Row | None:
        """The row as it may be counted; None where there are too many already."""
        if day != self._day:
            self._day, self._seen, self._rows = day, set(), Counter()
        if (domain, row) not in self._seen and self._rows[domain] >= DETAILED:
            row = replace(row, envelope_from="", spf_domain="", signatures=())
        if (domain, row) not in self._seen:
            if self._rows[domain] >= MOST or len(self._seen) >= _ALL:
                return None
            self._seen.add((domain, row))
            self._rows[domain] += 1
        return row

    def start(self) -> None:
        """On the loop of the role: flush from time to time."""
        self.flush()
        self._timer = asyncio.get_running_loop().call_later(EVERY, self.start)

    async def stop(self, patience: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if saved := self.flush():
            await asyncio.wait([asyncio.wrap_future(saved)], timeout=patience)

    def flush(self) -> Future[None] | None:
        """Hand what was counted to the journal, without waiting for it."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        if not counted:
            return None
        saved = self._stores.events.journal.submit(lambda tx: dmarc_results.count(tx, counted))
        saved.add_done_callback(self._logged)
        return saved

    def _logged(self, saved: Future[None]) -> None:
        if (error := saved.exception()) is not None:
            self._log.error("dmarc results lost", raised=error)


def row_of(peer: str, results: Results) -> Row:
    """What one message adds to a report; names that are no host names are left out."""
    verdict, spf = results.verdict, results.spf
    return Row(
        source=peer,
        disposition=verdict.disposition.value,
        dkim="pass" if verdict.aligned_dkim else "fail",
        spf="pass" if verdict.aligned_spf else "fail",
        reason=verdict.override.value if verdict.override else "",
        header_from=results.from_domain,
        envelope_from=_host(spf.domain) if not results.null_path else "",
        spf_domain=_host(spf.domain),
        spf_scope="helo" if results.null_path else "mfrom",
        spf_result=spf.result,
        signatures=tuple(
            SignatureResult(one.domain, one.selector[:63], one.result) for one in results.signatures if one.domain
        ),
    )


def policy_seen(published: Published) -> PolicySeen:
    record: DmarcRecord = published.record
    return PolicySeen(
        domain=published.domain,
        adkim="s" if record.strict_dkim else "r",
        aspf="s" if record.strict_spf else "r",
        p=record.policy.value,
        sp=record.subdomains.value,
        np=record.nonexistent.value,
        pct=str(record.percent),
        testing="y" if record.testing else "n",
    )


def _host(name: str) -> str:
    return name if is_host_name(name) else ""
