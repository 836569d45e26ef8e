"""What the clock clears away and folds together: files and rows that nobody needs any more, copies that lack.

Crash case: each looks at what is committed and may be repeated.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from admin.acts import answers
from admin.office import Office
from policy.junk import REMEMBERED
from role.log import EventLog
from store import (
    audit,
    breakers,
    greylist,
    imports,
    list_ratings,
    received_reports,
    removed_mailboxes,
    spool_sweep,
    tls_policies,
)  # fmt: skip
from store.spool import Spool

_BREAKERS_KEPT: Final = timedelta(days=70)  # longer than any window, and than a warm-up
_ROUNDS: Final = 20  # short transactions in which old reports are dropped at one time
_LEFT_BEHIND: Final = timedelta(hours=6)  # longer than an upload may take

SWEPT = Counter("mailloft_spool_swept_total", "Files of the spool that no row named, removed")


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


def forget_breakers(office: Office, now: datetime) -> None:
    """Drop the windows of breakers that nobody judges by any more."""
    office.write(lambda tx: breakers.forget(tx, now, _BREAKERS_KEPT))


def forget_acts(office: Office, now: datetime) -> None:
    """Drop old lines of the audit trail."""
    office.write(lambda tx: audit.forget(tx, now))
