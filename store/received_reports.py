"""Reports of others about domains of ours: kept once, listed by domain, dropped when they are old.

All on `events`. mta/inbound/report_keep adds, admin/acts/reports.py reads, the clock forgets. A repeat (the same
sender, the same report id) is known by its key, so what is sorted again after a crash adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select

from mail.received_report import ReceivedReport, ReportKind
from store.schema import received_report_rows, received_reports

KEPT: Final = timedelta(days=400)  # a year can be laid beside the one before
_AT_ONCE: Final = 50  # reports dropped in one transaction


@dataclass(frozen=True, slots=True)
class Came:
    """How a report came: the domain in its From, whether DMARC passed for it, the arrival."""

    sender: str
    verified: bool
    arrival: int
    at: datetime


@dataclass(frozen=True, slots=True)
class KeptReport:
    """`domain` is the one of ours that it counts for; the one reported on, perhaps below it, is in `policy`."""

    id: int
    kind: ReportKind
    domain: str
    sender: str
    organization: str
    identity: str
    begins_at: datetime
    ends_at: datetime
    verified: bool
    messages: int
    passed: int
    policy: dict[str, Any]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class KeptRow:
    source: str
    messages: int
    passed: bool
    details: dict[str, Any]


def add(tx: Connection, domain: str, report: ReceivedReport, came: Came) -> bool:
    """Keep it under `domain`, which is ours; False where it is here already."""
    values: Mapping[str, Any] = {
        "kind": report.kind.value, "domain": domain, "sender": came.sender, "verified": came.verified,
        "identity": report.identity,
    }  # fmt: skip
    same = select(received_reports.c.id).where(*(received_reports.c[name] == value for name, value in values.items()))
    if tx.execute(same).first() is not None:
        return False
    more = {
        "organization": report.organization, "begins_at": report.begin, "ends_at": report.end,
        "messages": report.messages, "passed": report.passed, "policy": report.policy, "arrival_id": came.arrival,
        "received_at": came.at,
    }  # fmt: skip
    kept = tx.execute(insert(received_reports).values({**values, **more}).returning(received_reports.c.id)).scalar_one()
    rows = [
        {
            "report_id": kept, "position": position, "source": row.source, "messages": row.messages,
            "passed": row.passed, "details": row.details,
        }
        for position, row in enumerate(report.rows, 1)
    ]  # fmt: skip
    if rows:
        tx.execute(insert(received_report_rows), rows)
    return True


def page(tx: Connection, domain: str, before: int, limit: int) -> list[KeptReport]:
    """The newest first; `before` 0: from the newest."""
    mine = select(received_reports).where(received_reports.c.domain == domain)
    if before:
        mine = mine.where(received_reports.c.id < before)
    return [_kept(row) for row in tx.execute(mine.order_by(received_reports.c.id.desc()).limit(limit))]


def get(tx: Connection, domain: str, report: int) -> KeptReport | None:
    """Of this domain alone."""
    wanted = select(received_reports).where(received_reports.c.domain == domain, received_reports.c.id == report)
    row = tx.execute(wanted).one_or_none()
    return None if row is None else _kept(row)


def rows_of(tx: Connection, report: int, behind: int, limit: int) -> list[tuple[int, KeptRow]]:
    """With their positions, beyond `behind`, in the order of the report."""
    wanted = select(received_report_rows).where(
        received_report_rows.c.report_id == report, received_report_rows.c.position > behind
    )
    found = tx.execute(wanted.order_by(received_report_rows.c.position).limit(limit))
    return [(one.position, KeptRow(one.source, one.messages, one.passed, one.details)) for one in found]


def forget(tx: Connection, now: datetime) -> int:
    """Drop some that came before KEPT; how many, 0 once there are none."""
    old = select(received_reports.c.id).where(received_reports.c.received_at < now - KEPT).limit(_AT_ONCE)
    gone = list(tx.execute(old).scalars())
    if gone:
        tx.execute(delete(received_report_rows).where(received_report_rows.c.report_id.in_(gone)))
        tx.execute(delete(received_reports).where(received_reports.c.id.in_(gone)))
    return len(gone)


def _kept(row: Row[Any]) -> KeptReport:
    return KeptReport(
        row.id, ReportKind(row.kind), row.domain, row.sender, row.organization, row.identity, row.begins_at,
        row.ends_at, row.verified, row.messages, row.passed, row.policy, row.received_at,
    )  # fmt: skip
