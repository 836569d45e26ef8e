"""Keeps the reports about our domains that came by mail: DMARC aggregate and TLS (PRODUCT I4).

Called by mta/inbound/sort before an arrival is marked. What a report says is its sender's word: one whose mail fails
DMARC is not kept, one that was never verified is marked so. Reports about domains that are not ours are counted and
ignored. Crash case: an arrival that is sorted again finds its reports here already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import Counter

from mail.received_report import ReceivedReport
from policy.authentication import DmarcResult
from role.log import EventLog
from store import domains, received_reports
from store.arrivals import Arrival
from store.received_reports import Came
from store.stores import Stores

_READ: Final = Counter("mailloft_reports_received", "DMARC and TLS reports of others", ["kind", "fate"])


@dataclass(frozen=True, slots=True)
class Told:
    """What an arrival reports, or why that could not be read."""

    reports: Sequence[ReceivedReport]
    unreadable: str


NOTHING_TOLD: Final = Told((), "")


class ReportKeeper:
    def __init__(self, stores: Stores, log: EventLog) -> None:
        self._stores = stores
        self._log = log

    def keep(self, arrival: Arrival, told: Told, now: datetime) -> None:
        if told.unreadable:
            _READ.labels("unknown", "unreadable").inc()
            self._log.info("report", arrival=arrival.id, fate="unreadable", reason=told.unreadable)
        found = arrival.authentication
        dmarc = str(found.get("dmarc", ""))
        came = Came(str(found.get("from_domain", "")), dmarc == DmarcResult.PASS.value, arrival.id, now)
        for report in told.reports:
            fate = "forged" if dmarc == DmarcResult.FAIL.value else self._add(report, came)
            _READ.labels(report.kind.value, fate).inc()
            self._log.info("report", arrival=arrival.id, kind=report.kind.value, domain=report.domain, fate=fate)

    def _add(self, report: ReceivedReport, came: Came) -> str:
        with self._stores.core.database.read() as core:
            domain = domains.holding(core, report.domain)
        if domain is None:
            return "foreign"
        added = self._stores.events.journal.run(lambda tx: received_reports.add(tx, domain.name, report, came))
        return "kept" if added else "repeat"
