"""The clock's daily DMARC aggregate reports (RFC 7489 §7.2): what the MX counted yesterday, to those who ask for it.

Called by admin/clock.py. A target outside of the domain's organization must have agreed in its own zone (§7.1), and
gets no report larger than its record allows. Idempotent per (day, policy, target): see store/report_mail.py.
"""

from __future__ import annotations

import time
from datetime import date, datetime
from functools import partial
from typing import Final

from prometheus_client import Counter

from admin.report_desk import ReportDesk, reporter_of
from mail.aggregate_report import PolicySeen
from mail.aggregate_write import compressed, letter, of_day
from mail.report_mail import Letter
from mail.report_target import Target, targets
from net.resolver import Resolver, Standing, texts
from policy.authentication import DmarcRecord, only_record
from policy.organization import by_list
from role.log import EventLog
from store import dmarc_results
from store.domains import Domain

AT_ONCE: Final = 50  # reports a round
_ROUND: Final = 5.0  # seconds of a round: the clock has other duties
_SECONDS: Final = 1.0  # for one name

_SENT: Final = Counter("mailloft_dmarc_reports", "Aggregate reports that were due", ["fate"])


class DmarcReports:
    """`step` is the duty."""

    def __init__(self, desk: ReportDesk, resolver: Resolver, log: EventLog) -> None:
        self._desk = desk
        self._resolver = resolver
        self._log = log

    def step(self, now: datetime) -> None:
        events, until = self._desk.office.stores.events, time.monotonic() + _ROUND
        with events.database.read() as connection:
            due = dmarc_results.reportable(connection, now.date().isoformat(), AT_ONCE)
        sender = self._desk.sender() if due else None
        for day, policy in due:
            if time.monotonic() > until:
                break
            if sender is not None:
                self._report(sender, day, policy, now)
            events.journal.run(partial(dmarc_results.forget, day=day, policy=policy))

    def _report(self, sender: Domain, day: str, policy: PolicySeen, now: datetime) -> None:
        record = self._record(policy.domain)
        wanted = targets(record.reports) if record else ()
        if not wanted:
            return
        with self._desk.office.stores.events.database.read() as connection:
            rows = dmarc_results.of_day(connection, day, policy)
        report = of_day(reporter_of(sender), date.fromisoformat(day), policy, rows)
        carrying = letter(reporter_of(sender), report, compressed(report))
        for target in wanted:
            fate = self._send(sender, policy.domain, carrying, target, now)
            _SENT.labels(fate).inc()
            self._log.info("dmarc report", domain=policy.domain, day=day, to=str(target.address), fate=fate)

    def _send(self, sender: Domain, domain: str, carrying: Letter, target: Target, now: datetime) -> str:
        if target.limit is not None and len(carrying.content) > target.limit:
            return "too large"
        if not self._agreed(domain, target.address.ascii_domain):
            return "not agreed"
        return "queued" if self._desk.queue(sender, carrying, target.address, now) else "repeat"

    def _record(self, domain: str) -> DmarcRecord | None:
        answer = self._resolver.ask_now(f"_dmarc.{domain}", "TXT", _SECONDS)
        return only_record(texts(answer)) if answer.standing is Standing.FOUND else None

    def _agreed(self, domain: str, host: str) -> bool:
        """Whether a host elsewhere says that it takes reports about the domain (§7.1)."""
        if by_list(host) == by_list(domain):
            return True
        answer = self._resolver.ask_now(f"{domain}._report._dmarc.{host}", "TXT", _SECONDS)
        said = texts(answer) if answer.standing is Standing.FOUND else ()
        return any(one.replace(" ", "").partition(";")[0] == "v=DMARC1" for one in said)
