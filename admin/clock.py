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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final

from prometheus_client import Counter, Gauge

from admin import breaking, examining, importing
from admin.acts import answers, domain_checks
from admin.acts import campaigns as acts
from admin.acts.gate import words_of
from admin.daemon import office_of
from admin.dmarc_reports import DmarcReports
from admin.importing import LostError
from admin.key_rotation import Rotation
from admin.observing import Observer
from admin.office import Office
from admin.refusals import ConflictError
from admin.report_desk import ReportDesk
from admin.retaining import Retaining
from admin.tls_reports import TlsReports
from net.http_guard import HttpGuard
from net.resolver import Resolver
from policy.junk import REMEMBERED
from policy.launch_gate import IMPORTING, failing
from policy.sender_standing import Failing
from role.context import Context
from role.log import EventLog
from role.metrics_port import Pulse, serve_metrics
from store import (
    audit,
    breakers,
    campaign_progress,
    campaigns,
    greylist,
    imports,
    launch_facts,
    list_ratings,
    received_reports,
    removed_mailboxes,
    spool_sweep,
    tls_policies,
)  # fmt: skip
from store.campaigns import Campaign, CampaignState
from store.changes import Changes
from store.spool import Spool

_LOOK: Final = 0.2  # seconds between looks whether anything was committed
_QUIET: Final = 1.0  # seconds without a commit, after which a round is due all the same
_AFTER_ERROR: Final = 1.0
_BREAKERS_KEPT: Final = timedelta(days=70)  # longer than any window, and than a warm-up
_DOMAINS: Final = 5.0  # seconds between looks for domains to check
_OBSERVED: Final = 10.0  # seconds, less than a scrape's
_POST: Final = timedelta(seconds=5)  # for handing over one TLS report
_ROUNDS: Final = 20  # short transactions in which old reports are dropped at one time
_LEFT_BEHIND: Final = timedelta(hours=6)  # longer than an upload may take

HEARTBEAT = Gauge("mailloft_clock_heartbeat_seconds", "When the clock last went round, seconds since 1970")
SWEPT = Counter("mailloft_spool_swept_total", "Files of the spool that no row named, removed")
CHECKED = Counter("mailloft_domain_checks_total", "Checks of a domain's records that fell due")
DUTIES_FAILED = Counter("mailloft_clock_duties_failed_total", "Duties of the clock that broke off and are repeated")
IMPORTED = Counter("mailloft_imported_rows_total", "Rows of client files that were read")


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
    loading = Loading(office, f"{context.node}/{context.name}-{context.position}", context.log)
    dns, tls = context.settings.dns, context.settings.tls
    resolver = Resolver(dns.servers, dns.timeout)
    rotation = Rotation(office, resolver, context.log)
    allowed = [ip_network(text, strict=False) for text in tls.allowed_networks]
    guard = HttpGuard(resolver, ssl.create_default_context(cafile=tls.ca_file or None), allowed, _POST)
    desk = ReportDesk(office, context.spool)
    tls_reports = TlsReports(desk, resolver, guard, context.log)
    dmarc_reports = DmarcReports(desk, resolver, context.log)
    observer = Observer(office, context.folder)
    retaining = Retaining(office, context.spool, context.settings.retention)
    duties = [
        Duty(loading.step, 0.0),
        Duty(lambda: launch_due(office, context.log, office.now()), 1.0),
        Duty(lambda: finish_done(office, context.log), 0.5),
        Duty(lambda: breaking.judge_all(office, context.settings.breaker, context.log, office.now()), 5.0),
        Duty(lambda: breaking.release_due(office, context.log, office.now()), 5.0),
        Duty(lambda: office.write(lambda tx: breakers.forget(tx, office.now(), _BREAKERS_KEPT)), 3600.0),
        Duty(lambda: fold_ratings(office), 10.0),
        Duty(lambda: file_answers(office, context.log), 5.0),
        Duty(lambda: sweep_uploads(office, office.now()), 600.0),
        Duty(lambda: rotation.step(office.now()), 5.0),
        Duty(lambda: office.write(lambda tx: audit.forget(tx, office.now())), 86400.0),
        Duty(lambda: rotation.sweep(office.now()), 3600.0),
        Duty(lambda: forget_policies(office, office.now()), 3600.0),
        Duty(lambda: tls_reports.step(office.now()), 600.0),
        Duty(lambda: dmarc_reports.step(office.now()), 60.0),
        Duty(lambda: forget_reports(office, office.now()), 3600.0),
        Duty(lambda: forget_peers(office, office.now()), 3600.0),
        Duty(lambda: observer.step(office.now()), _OBSERVED),
        Duty(lambda: retaining.step(office.now()), 60.0),
        Duty(lambda: sweep_spool(office, context.spool, context.log, office.now()), 3600.0),
        Duty(lambda: empty_removed(office, context.spool), 10.0),
    ]
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


@dataclass(slots=True)
class Loading:
    """The import in hand, one batch a step."""

    office: Office
    worker: str
    log: EventLog
    _batches: Iterator[imports.Progress] | None = None
    _rows: int = field(default=0)

    @property
    def busy(self) -> bool:
        return self._batches is not None

    def step(self) -> None:
        """The next batch, or the next import; what raises is let go and claimed again."""
        batches = self._batches or self._next()
        self._batches = None
        if batches is None:
            return
        try:
            progress = next(batches, None)
        except LostError as error:
            self.log.warning("import lost", reason=str(error))
            return
        if progress is not None:
            IMPORTED.inc(progress.rows - self._rows)
            self._rows = progress.rows
            self._batches = batches

    def _next(self) -> Iterator[imports.Progress] | None:
        job = importing.claim(self.office, self.worker)
        if job is None:
            return None
        self._rows = job.progress.rows
        self.log.info("import", id=job.id, project=job.project, bytes_read=job.progress.bytes_read)
        return importing.load(self.office, job, self.worker)


def launch_due(office: Office, log: EventLog, now: datetime) -> None:
    """Scheduled campaigns whose time has come, through the gate again (K5)."""
    with office.read() as connection:
        scheduled = campaigns.in_states(connection, [CampaignState.SCHEDULED])
        due = [one for one in scheduled if one.due_at is not None and one.due_at <= now]
        judged = [(one, failing(launch_facts.gather(connection, one))) for one in due]
    for campaign, refused in judged:
        _launch_or_pause(office, log, campaign, refused)


def _launch_or_pause(office: Office, log: EventLog, campaign: Campaign, refused: list[Failing]) -> None:
    if any(one.name == IMPORTING for one in refused):
        return  # it waits for the end of the import and is judged then (L2)
    if refused:
        words = words_of(refused)
        office.write(lambda tx: campaigns.move(tx, campaign.id, CampaignState.PAUSED, words))
        log.warning("campaign paused when due", campaign=campaign.id, reasons=words)
        return
    try:
        acts.start(office, campaign)
    except ConflictError as error:
        log.warning("campaign not started", campaign=campaign.id, reason=error.detail)


def finish_done(office: Office, log: EventLog) -> None:
    """Running campaigns whose every recipient has a final state."""
    with office.read() as connection:
        running = campaigns.in_states(connection, [CampaignState.RUNNING])
        done = [
            one
            for one in running
            if one.expanded >= one.recipients
            and campaign_progress.final_total(campaign_progress.counts(connection, one)) >= one.recipients
        ]
    for campaign in done:
        if _finish(office, campaign):
            log.info("campaign finished", campaign=campaign.id, recipients=campaign.recipients)


def _finish(office: Office, campaign: Campaign) -> bool:
    now = office.now()
    return office.write(lambda tx: campaign_progress.finish_done(tx, campaign, now))


def watch_domains(office: Office, resolver: Resolver, log: EventLog, stopping: threading.Event) -> None:
    """Records of domains whose check is due, in a thread of their own: name servers may take their time."""
    while not stopping.wait(_DOMAINS):
        try:
            CHECKED.inc(domain_checks.check_due(office, resolver, office.now()))
        except Exception as error:  # noqa: BLE001 - as every duty's: told, and tried again
            log.error("domain check failed", raised=error)


def fold_ratings(office: Office) -> None:
    """What moved among ratings, into the tallies of lists."""
    for _ in range(_ROUNDS):
        with office.read() as connection:
            if not list_ratings.any_moves(connection):
                return
        office.write(list_ratings.fold)


def file_answers(office: Office, log: EventLog) -> None:
    """Copies of answers that a crash kept out of the folder of sent mail."""
    if count := answers.file_left(office):
        log.info("answers filed", count=count)


def sweep_uploads(office: Office, now: datetime) -> None:
    """Remove uploads that no open import names: what a request that was cut off, or a crash, left behind."""
    with office.read() as connection:
        named = imports.open_files(connection)
    for file in office.uploads.glob("*.csv"):
        if str(file) not in named and file.stat().st_mtime < (now - _LEFT_BEHIND).timestamp():
            file.unlink(missing_ok=True)


def forget_reports(office: Office, now: datetime) -> None:
    """Drop what others reported more than a year ago."""
    for _ in range(_ROUNDS):
        if not office.stores.events.journal.run(lambda tx: received_reports.forget(tx, now)):
            return


def forget_peers(office: Office, now: datetime) -> None:
    """Who was put off, or let in, so long ago that it no longer counts."""
    office.stores.mail.journal.run(lambda tx: greylist.forget(tx, now, REMEMBERED))


def sweep_spool(office: Office, spool: Spool, log: EventLog, now: datetime) -> None:
    """Remove the bytes of messages that no row names."""
    if gone := spool_sweep.sweep(office.stores, spool, now):
        SWEPT.inc(gone)
        log.info("spool swept", files=gone)


def empty_removed(office: Office, spool: Spool) -> None:
    """Remove the mails of mailboxes that people have removed."""
    for file in removed_mailboxes.empty_all(office.stores, office.now()):
        spool.drop(file)


def forget_policies(office: Office, now: datetime) -> None:
    """Delete MTA-STS policies of other domains that hold no more."""
    office.write(lambda tx: tls_policies.forget_expired(tx, now))
