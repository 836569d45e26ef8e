"""What mail claimed to be from other domains, counted by day for DMARC aggregate reports (RFC 7489 §7.2).

All on `events`. mta/inbound/dmarc_tally counts, admin/dmarc_reports.py reads and forgets. Crash case: a report is
queued before its counts are forgotten; store/report_mail.py knows the repeat by its Message-ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, select, text

from mail.aggregate_report import PolicySeen, Row
from store.schema import dmarc_results

ROWS: Final = 10_000  # of one report; the many small ones that come behind are left out

_ADD = text(
    "INSERT INTO dmarc_results (day, domain, policy, row, messages) VALUES (:day, :domain, :policy, :row, :messages) "
    "ON CONFLICT (day, domain, policy, row) DO UPDATE SET messages = dmarc_results.messages + excluded.messages"
)


def count(tx: Connection, counted: Mapping[tuple[str, PolicySeen, Row], int]) -> None:
    """Add messages by day (ISO 8601), policy and row, in key order: in random order two writers deadlock."""
    rows = [
        {"day": day, "domain": policy.domain, "policy": _text(policy), "row": _text(row), "messages": number}
        for (day, policy, row), number in sorted(counted.items())
    ]
    if rows:
        tx.execute(_ADD, rows)


def reportable(tx: Connection, before: str, limit: int) -> list[tuple[str, PolicySeen]]:
    """Days before that one, with the policies that were met on them, the oldest first."""
    due = select(dmarc_results.c.day, dmarc_results.c.domain, dmarc_results.c.policy).distinct()
    found = tx.execute(due.where(dmarc_results.c.day < before).order_by("day", "domain", "policy").limit(limit))
    return [(one.day, msgspec.json.decode(one.policy, type=PolicySeen)) for one in found]


def of_day(tx: Connection, day: str, policy: PolicySeen) -> tuple[tuple[Row, int], ...]:
    """The rows with the most messages first, at most ROWS."""
    wanted = select(dmarc_results.c.row, dmarc_results.c.messages).where(*_same(day, policy))
    found = tx.execute(wanted.order_by(dmarc_results.c.messages.desc(), dmarc_results.c.row).limit(ROWS))
    return tuple((msgspec.json.decode(one.row, type=Row), one.messages) for one in found)


def forget(tx: Connection, day: str, policy: PolicySeen) -> None:
    tx.execute(delete(dmarc_results).where(*_same(day, policy)))


def _same(day: str, policy: PolicySeen) -> tuple[ColumnElement[bool], ...]:
    mine = dmarc_results.c
    return mine.day == day, mine.domain == policy.domain, mine.policy == _text(policy)


def _text(value: PolicySeen | Row) -> str:
    return msgspec.json.encode(value).decode()
