"""The report that a mail carries, if it carries one: DMARC aggregate (XML) or TLS (JSON), packed or not.

Pure, for the sorter's child and for policy/classification. A mail carries a report where it says so in Subject or type,
or where the attachment is named as RFC 7489 §7.2.1.1 and RFC 8460 §5.1 say. `read_reports` raises only
UnreadableReportError.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, Final

from mail.aggregate_read import read_aggregate
from mail.aggregate_report import Aggregate, Row
from mail.packed import PackedError, unpacked
from mail.parts import WALK_LIMIT, Parsed, Part, decoded_words, parameter
from mail.received_report import ReceivedReport, ReceivedRow, ReportKind, UnreadableReportError
from mail.tls_report_read import read_tls_report

_NAME: Final = re.compile(
    r"[^!/\\]+![^!/\\]+!\d+!\d+(?:![^!/\\]+)?\.(?:xml|xml\.gz|gz|zip|json|json\.gz)", re.IGNORECASE
)
_SUBJECT: Final = re.compile(r"report[ _-]?domain\s*:", re.IGNORECASE)
_TLS_TYPES: Final = frozenset({"application/tlsrpt+gzip", "application/tlsrpt+json"})
_CARRIERS: Final = frozenset(
    {
        "application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed", "application/xml",
        "text/xml", "application/json", "application/octet-stream",
    }
)  # fmt: skip


def attached_report(parsed: Parsed) -> Part | None:
    """The part that is the report, by its name and type; nobody has looked into it."""
    said = bool(_SUBJECT.search(parsed.headers.words("subject")))
    for leaf in parsed.leaves:
        kind = leaf.content_type
        if kind in _TLS_TYPES or (said and kind in _CARRIERS) or _NAME.fullmatch(_file_name(leaf)):
            return leaf
    return None


def read_reports(parsed: Parsed) -> tuple[ReceivedReport, ...]:
    """What it tells, a report for each domain; () where the mail carries none."""
    part = attached_report(parsed)
    if part is None:
        return ()
    try:
        octets = unpacked(part.decoded(WALK_LIMIT)).lstrip(b"\xef\xbb\xbf \t\r\n")
    except PackedError as error:
        raise UnreadableReportError(str(error)) from error
    if octets.startswith(b"{"):
        return read_tls_report(octets)
    return (_received(read_aggregate(octets)),)


def _received(report: Aggregate) -> ReceivedReport:
    rows = tuple(
        ReceivedRow(row.source, count, "pass" in (row.dkim, row.spf), _details(row)) for row, count in report.rows
    )
    return ReceivedReport(
        kind=ReportKind.DMARC,
        domain=report.policy.domain,
        organization=report.organization,
        identity=report.identity,
        begin=report.begin,
        end=report.end,
        policy=asdict(report.policy),
        rows=rows,
    )


def _details(row: Row) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name != "source"}


def _file_name(part: Part) -> str:
    disposition, kind = part.headers.get("content-disposition"), part.headers.get("content-type")
    return decoded_words(parameter(disposition, "filename") or parameter(kind, "name")).strip()
