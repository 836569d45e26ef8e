"""The clock's daily TLS reports (RFC 8460): what the sender counted yesterday, to those who ask for it.

Called by admin/clock.py. Reports are signed mail of the domain that our host name is in, so they go only where that
domain is one of ours that may send; without one the counts are thrown away. `mailto:` goes through the queue,
`https:` is posted at once, through the guard (net/http_guard.py). Crash case: see store/tls_results.py.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from functools import partial
from typing import Final
from urllib.parse import unquote, urlsplit

from admin.office import Office
from mail.address import parse_mailbox
from mail.tls_report import Reporter, mail, report, report_addresses, report_id
from net.http_guard import HttpGuard, RefusedError
from net.resolver import Resolver, Standing, texts
from role.log import EventLog
from store import domains, tls_results
from store.domains import Domain
from store.spool import Spool

AT_ONCE: Final = 20  # reports a round: the clock has other duties
_SECONDS: Final = 1.0  # for one name
_KIND: Final = "application/tlsrpt+gzip"


class TlsReports:
    """`step` is the duty."""

    def __init__(self, office: Office, resolver: Resolver, guard: HttpGuard, spool: Spool, log: EventLog) -> None:
        self._office = office
        self._resolver = resolver
        self._guard = guard
        self._spool = spool
        self._log = log

    def step(self, now: datetime) -> None:
        events = self._office.stores.events
        with events.database.read() as connection:
            due = tls_results.reportable(connection, now.date().isoformat(), AT_ONCE)
        sender = self._sender() if due else None
        for day, domain in due:
            if sender is not None:
                self._report(sender, day, domain, now)
            events.journal.run(partial(tls_results.forget, day=day, domain=domain))

    def _sender(self) -> Domain | None:
        """The domain of ours that our host name is or is in."""
        labels = self._office.hostname.split(".")
        with self._office.read() as connection:
            found = (domains.find(connection, ".".join(labels[at:])) for at in range(len(labels) - 1))
            return next((one for one in found if one is not None and one.sending), None)

    def _report(self, sender: Domain, day: str, domain: str, now: datetime) -> None:
        answer = self._resolver.ask_now(f"_smtp._tls.{domain}", "TXT", _SECONDS)
        wanted = report_addresses(texts(answer)) if answer.standing is Standing.FOUND else ()
        if not wanted:
            return
        with self._office.stores.events.database.read() as connection:
            counted = tls_results.of_day(connection, day, domain)
        reporter = Reporter(sender.name, f"postmaster@{sender.name}")
        content = report(reporter, date.fromisoformat(day), domain, counted)
        for number, uri in enumerate(wanted):
            try:
                if uri.startswith("mailto:"):
                    self._queue(
                        sender, reporter, (day, domain, number), content, unquote(uri[7:].partition("?")[0]), now
                    )
                else:
                    self._post(uri, content)
            except (ValueError, RefusedError) as error:
                self._log.warning("tls report not sent", domain=domain, to=uri[:200], reason=str(error)[:300])
            else:
                self._log.info("tls report", domain=domain, day=day, to=uri[:200])

    def _queue(
        self, sender: Domain, reporter: Reporter, about: tuple[str, str, int], content: bytes, to: str, now: datetime
    ) -> None:
        """ValueError where the record names no address."""
        text, domain, number = about
        day, address = date.fromisoformat(text), parse_mailbox(to)
        local = report_id(reporter, day, domain).rpartition("@")[0]
        message_id = f"<tlsrpt.{number}.{local}@{sender.name}>"
        whole = mail(reporter, day, domain, content, str(address), message_id, now)
        stored = self._spool.put(whole)
        where = (str(address), address.ascii_domain)
        self._office.write(lambda tx: tls_results.queue_report(tx, sender, where, message_id, stored, now))

    def _post(self, uri: str, content: bytes) -> None:
        """Raises RefusedError, and ValueError for what is no https URI."""
        parts = urlsplit(uri)
        if not parts.hostname:
            raise ValueError(f"{uri[:200]!r} names no host")
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        answer = asyncio.run(self._guard.post(parts.hostname, parts.port or 443, path, content, _KIND))
        if not 200 <= answer.status < 300:
            raise RefusedError(f"{uri[:200]} answers with status {answer.status}")
