"""The clock role: imports that wait, campaigns that fall due or are done, breakers, DKIM keys seen in DNS, reports.

`run` serves until SIGTERM: one plain loop with short duties; an import gives way after each batch, so that the others
keep their time. Crash case: every duty looks at what is committed and may be repeated; an import goes on behind its
last saved row.
"""

from __future__ import annotations

import signal
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Final

from prometheus_client import Counter, Gauge

from admin import breaking, campaign_duties, examining, sweeping
from admin.acts import domain_checks
from admin.daemon import office_of
from admin.dmarc_reports import DmarcReports
from admin.key_rotation import Rotation
from admin.loading import Loading
from admin.observing import Observer
from admin.office import Office
from admin.report_desk import ReportDesk
from admin.retaining import Retaining
from admin.tls_reports import TlsReports
from net.http_guard import HttpGuard
from net.resolver import Resolver
from role.context import Context
from role.log import EventLog
from role.metrics_port import Pulse, serve_metrics
from store.changes import Changes

_LOOK: Final = 0.2  # seconds between looks whether anything was committed
_QUIET: Final = 1.0  # seconds without a commit, after which a round is due all the same
_AFTER_ERROR: Final = 1.0
_DOMAINS: Final = 5.0  # seconds between looks for domains to check
_OBSERVED: Final = 10.0  # seconds, less than a scrape's
_POST: Final = timedelta(seconds=5)  # for handing over one TLS report
_HOUR: Final = 3600.0
_DAY: Final = 86400.0

HEARTBEAT = Gauge("mailloft_clock_heartbeat_seconds", "When the clock last went round, seconds since 1970")
CHECKED = Counter("mailloft_domain_checks_total", "Checks of a domain's records that fell due")
DUTIES_FAILED = Counter("mailloft_clock_duties_failed_total", "Duties of the clock that broke off and are repeated")


@dataclass(slots=True)
class Duty:
    """`act` is called every `every` seconds."""

    act: Callable[[], None]
    every: float
    due: float = 0.0


def run(context: Context) -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    pulse = Pulse()
    serve_metrics(context.sockets["metrics"], pulse)
    office = office_of(context)
    resolver = Resolver(context.settings.dns.servers, context.settings.dns.timeout)
    loading = Loading(office, f"{context.node}/{context.name}-{context.position}", context.log)
    duties = [Duty(loading.step, 0.0), *_campaigns(office, context), *_mail(office, context, resolver)]
    duties += _housekeeping(office, context)
    changes = Changes(context.stores.core.database)
    threading.Thread(target=watch_domains, args=(office, resolver, context.log, stopping), daemon=True).start()
    threading.Thread(target=examining.watch, args=(office, context, resolver, stopping), daemon=True).start()
    context.ready()
    while not stopping.is_set():
        pulse.beat()
        HEARTBEAT.set_to_current_time()
        changes.look()  # before the round, so that what is committed meanwhile is seen behind it
        _go_round(duties, context.log)
        if not loading.busy:
            _rest(stopping, changes)


def _campaigns(office: Office, context: Context) -> list[Duty]:
    log, numbers = context.log, context.settings.breaker
    return [
        Duty(lambda: campaign_duties.launch_due(office, log, office.now()), 1.0),
        Duty(lambda: campaign_duties.finish_done(office, log), 0.5),
        Duty(lambda: breaking.judge_all(office, numbers, log, office.now()), 5.0),
        Duty(lambda: breaking.release_due(office, log, office.now()), 5.0),
        Duty(lambda: sweeping.fold_ratings(office), 10.0),
    ]


def _mail(office: Office, context: Context, resolver: Resolver) -> list[Duty]:
    """What is mailed or handed over by itself, and the keys that sign it."""
    log, tls = context.log, context.settings.tls
    allowed = [ip_network(text, strict=False) for text in tls.allowed_networks]
    guard = HttpGuard(resolver, ssl.create_default_context(cafile=tls.ca_file or None), allowed, _POST)
    desk = ReportDesk(office, context.spool)
    rotation = Rotation(office, resolver, log)
    tls_reports = TlsReports(desk, resolver, guard, log)
    dmarc_reports = DmarcReports(desk, resolver, log)
    return [
        Duty(lambda: sweeping.file_answers(office, log), 5.0),
        Duty(lambda: rotation.step(office.now()), 5.0),
        Duty(lambda: rotation.sweep(office.now()), _HOUR),
        Duty(lambda: tls_reports.step(office.now()), 600.0),
        Duty(lambda: dmarc_reports.step(office.now()), 60.0),
    ]


def _housekeeping(office: Office, context: Context) -> list[Duty]:
    observer = Observer(office, context.folder)
    retaining = Retaining(office, context.spool, context.settings.retention)
    return [
        Duty(lambda: sweeping.forget_breakers(office, office.now()), _HOUR),
        Duty(lambda: sweeping.forget_acts(office, office.now()), _DAY),
        Duty(lambda: sweeping.forget_policies(office, office.now()), _HOUR),
        Duty(lambda: sweeping.forget_reports(office, office.now()), _HOUR),
        Duty(lambda: sweeping.forget_peers(office, office.now()), _HOUR),
        Duty(lambda: sweeping.sweep_uploads(office, office.now()), 600.0),
        Duty(lambda: sweeping.sweep_spool(office, context.spool, context.log, office.now()), _HOUR),
        Duty(lambda: sweeping.empty_removed(office, context.spool), 10.0),
        Duty(lambda: observer.step(office.now()), _OBSERVED),
        Duty(lambda: retaining.step(office.now()), 60.0),
    ]


def _rest(stopping: threading.Event, changes: Changes) -> None:
    for _ in range(round(_QUIET / _LOOK)):
        if stopping.wait(_LOOK) or changes.look():
            return


def _go_round(duties: list[Duty], log: EventLog) -> None:
    for duty in duties:
        now = time.monotonic()
        if duty.due > now:
            continue
        duty.due = now + duty.every
        try:
            duty.act()
        except Exception as error:  # noqa: BLE001 - a duty that fails must not stop the others; it is tried again
            DUTIES_FAILED.inc()
            log.error("duty failed", raised=error)
            duty.due = now + _AFTER_ERROR


def watch_domains(office: Office, resolver: Resolver, log: EventLog, stopping: threading.Event) -> None:
    """Records of domains whose check is due, in a thread of their own: name servers may take their time."""
    while not stopping.wait(_DOMAINS):
        try:
            CHECKED.inc(domain_checks.check_due(office, resolver, office.now()))
        except Exception as error:  # noqa: BLE001 - as every duty's: told, and tried again
            log.error("domain check failed", raised=error)
