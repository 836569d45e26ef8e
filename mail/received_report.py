"""A report that somebody sent about a domain of ours: DMARC aggregate or TLS, in the one form that is kept and charted.

Pure values. mail/report_read makes them, in the sorter's child; store/received_reports keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any


class ReportKind(Enum):
    DMARC = "dmarc"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class ReceivedRow:
    """`messages` (for TLS: sessions) from one address of ours or of others; `details`: text and lists of text."""

    source: str
    messages: int
    passed: bool
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """`domain` is the one reported on, lower case; `policy` what the reporter saw published."""

    kind: ReportKind
    domain: str
    organization: str
    identity: str
    begin: datetime
    end: datetime
    policy: dict[str, Any]
    rows: tuple[ReceivedRow, ...]

    @property
    def messages(self) -> int:
        return sum(row.messages for row in self.rows)

    @property
    def passed(self) -> int:
        return sum(row.messages for row in self.rows if row.passed)


class UnreadableReportError(ValueError):
    """Why a report was not read; the text quotes nothing of it."""
