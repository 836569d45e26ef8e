"""The clock's daily TLS reports (RFC 8460): what the sender counted yesterday, to those who ask for it.

Called by admin/clock.py. Without a domain of ours to send in (admin/report_desk.py) the counts are thrown away.
`mailto:` goes through the queue, once; `https:` is posted at once, through the guard (net/http_guard.py), and after a
crash again, with the same report id.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from functools import partial
from typing import Final
from urllib.parse import unquote, urlsplit

from admin.report_desk import ReportDesk, reporter_of
from mail.address import parse_mailbox
from mail.tls_report import letter, report, report_addresses
from net.http_guard import HttpGuard, RefusedError
from net.resolver import Resolver, Standing, texts
from role.log import EventLog
from store import tls_results
from store.domains import Domain

AT_ONCE: Final = 20  # reports a round: the clock has other duties
_SECONDS: Final = 1.0  # for one name
_KIND: Final = "application/tlsrpt+gzip"


class TlsReports:
    """`step` is the duty."""

    def __init__(self, desk: ReportDesk, resolver: Resolver, guard: HttpGuard, log: EventLog) -> None:
        self._desk = desk
        self._resolver = resolver
        self._guard = guard
        self._log = log

    def step(self, now: datetime) -> None:
        events = self._desk.office.stores.events
        with events.database.read() as connection:
            due = tls_results.reportable(connection, now.date().isoformat(), AT_ONCE)
        sender = self._desk.sender() if due else None
        for day, domain in due:
            if sender is not None:
                self._report(sender, day, domain, now)
            events.journal.run(partial(tls_results.forget, day=day, domain=domain))

    def _report(self, sender: Domain, day: str, domain: str, now: datetime) -> None:
        answer = self._resolver.ask_now(f"_smtp._tls.{domain}", "TXT", _SECONDS)
        wanted = report_addresses(texts(answer)) if answer.standing is Standing.FOUND else ()
        if not wanted:
            return
        with self._desk.office.stores.events.database.read() as connection:
            counted = tls_results.of_day(connection, day, domain)
        reporter, about = reporter_of(sender), date.fromisoformat(day)
        content = report(reporter, about, domain, counted)
        for uri in wanted:
            try:
                if uri.startswith("mailto:"):
                    to = parse_mailbox(unquote(uri[7:].partition("?")[0]))
                    self._desk.queue(sender, letter(reporter, about, domain, content), to, now)
                else:
                    self._post(uri, content)
            except (ValueError, RefusedError) as error:
                self._log.warning("tls report not sent", domain=domain, to=uri[:200], reason=str(error)[:300])
            else:
                self._log.info("tls report", domain=domain, day=day, to=uri[:200])

    def _post(self, uri: str, content: bytes) -> None:
        """Raises RefusedError, and ValueError for what is no https URI."""
        parts = urlsplit(uri)
        if not parts.hostname:
            raise ValueError(f"{uri[:200]!r} names no host")
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        answer = asyncio.run(self._guard.post(parts.hostname, parts.port or 443, path, content, _KIND))
        if not 200 <= answer.status < 300:
            raise RefusedError(f"{uri[:200]} answers with status {answer.status}")
