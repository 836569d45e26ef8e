"""How TLS with the hosts of other domains went, counted by day for the reports of RFC 8460.

All on `events`. Called by mta/outbound/tls_tally.py and admin/tls_reports.py. Crash case: a report is queued before its
counts are forgotten; store/report_mail.py knows the repeat by its Message-ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, delete, select, text

from mail.tls_report import Session
from store.schema import tls_results

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
