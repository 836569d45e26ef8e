"""How TLS with the hosts of other domains went, counted by day for the reports of RFC 8460; and the reports queued.

In `events`: `count`, `reportable`, `of_day`, `forget`; in `core`: `queue_report`. Called by mta/outbound/tls_tally.py
and admin/tls_reports.py. Crash case: a report is queued before its counts are forgotten, so it may be sent twice, with
the same report id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, text

from mail.tls_report import Session
from store import flows, new_rows
from store.domains import Domain
from store.new_rows import NewRow
from store.schema import messages, tls_results
from store.spool import Stored

_ADD = text(
    "INSERT INTO tls_results (day, domain, kind, policy, host, address, source, result, sessions) "
    "VALUES (:day, :domain, :kind, :policy, :host, :address, :source, :result, :sessions) "
    "ON CONFLICT (day, domain, kind, policy, host, address, source, result) "
    "DO UPDATE SET sessions = tls_results.sessions + excluded.sessions"
)


def count(tx: Connection, day: str, counted: Mapping[Session, int]) -> None:
    """Add sessions of that day (ISO 8601), in key order: in random order two writers on PostgreSQL deadlock."""
    rows = [{"day": day, **asdict(session), "sessions": number} for session, number in sorted(counted.items())]
    if rows:
        tx.execute(_ADD, rows)


def reportable(tx: Connection, before: str, limit: int) -> list[tuple[str, str]]:
    """Days and domains that have counts of a day before that one, the oldest first."""
    wanted = select(tls_results.c.day, tls_results.c.domain).where(tls_results.c.day < before).distinct()
    return [(row.day, row.domain) for row in tx.execute(wanted.order_by("day", "domain").limit(limit))]


def of_day(tx: Connection, day: str, domain: str) -> list[tuple[Session, int]]:
    found = select(tls_results).where(tls_results.c.day == day, tls_results.c.domain == domain)
    rows = tx.execute(found).all()
    return sorted(
        (Session(one.domain, one.kind, one.policy, one.host, one.address, one.source, one.result), one.sessions)
        for one in rows
    )


def forget(tx: Connection, day: str, domain: str) -> None:
    tx.execute(delete(tls_results).where(tls_results.c.day == day, tls_results.c.domain == domain))


def queue_report(
    tx: Connection, sender: Domain, to: tuple[str, str], message_id: str, stored: Stored, now: datetime
) -> int:
    """A report as a message of the project that the sending domain belongs to; `to`: address and its domain.

    It goes without heed of the very policies that it reports on (RFC 8460 §3), so `requires_tls` is False.
    """
    address, site = to
    saved = insert(messages).values(
        project_id=sender.project, kind="submission", reverse_path=f"tls-reports@{sender.name}", message_id=message_id,
        size_bytes=stored.size_bytes, bytes=stored.blob, file=stored.file, requires_tls=False, created_at=now,
    )  # fmt: skip
    message = int(tx.execute(saved.returning(messages.c.id)).scalar_one())
    stream = flows.Stream(sender.project, "tls-report", sender.id, "transactional", "transactional")
    flow = flows.ensure(tx, stream, [site])[site]
    new_rows.add(tx, [NewRow(flow, message, None, address)], now)
    return message
