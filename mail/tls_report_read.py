"""TLS reports that others send, read from JSON (RFC 8460 §4.4).

Pure. One report may speak of several domains: each becomes a report of its own. Policies, failures, texts are bounded.
Raises UnreadableReportError.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from mail.received_report import ReceivedReport, ReceivedRow, ReportKind, UnreadableReportError

POLICIES: Final = 100
FAILURES: Final = 20_000
_TEXT: Final = 255
_LINES: Final = 50
_MOST: Final = 10**12


class _Range(msgspec.Struct, rename="kebab"):
    start_datetime: datetime
    end_datetime: datetime


class _Named(msgspec.Struct, rename="kebab"):
    policy_type: str
    policy_domain: str
    policy_string: list[str] | str | None = None
    mx_host: list[str] | str | None = None


class _Summary(msgspec.Struct, rename="kebab"):
    total_successful_session_count: int = 0
    total_failure_session_count: int = 0


class _Failure(msgspec.Struct, rename="kebab"):
    result_type: str
    failed_session_count: int = 0
    sending_mta_ip: str | None = None
    receiving_mx_hostname: str | None = None
    receiving_ip: str | None = None
    failure_reason_code: str | None = None
    additional_information: str | None = None


class _Policy(msgspec.Struct, rename="kebab"):
    policy: _Named
    summary: _Summary = msgspec.field(default_factory=_Summary)
    failure_details: list[_Failure] | None = None


class _Report(msgspec.Struct, rename="kebab"):
    date_range: _Range
    report_id: str
    policies: list[_Policy]
    organization_name: str | None = None


def read_tls_report(octets: bytes) -> tuple[ReceivedReport, ...]:
    """One for each domain that it speaks of, in their order."""
    try:
        told = msgspec.json.decode(octets, type=_Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableReportError("no TLS report in JSON") from error
    failures = sum(len(one.failure_details or ()) for one in told.policies)
    if len(told.policies) > POLICIES or failures > FAILURES or not told.report_id:
        raise UnreadableReportError("a TLS report with too many parts, or without an id")
    domains = dict.fromkeys(_text(one.policy.policy_domain).rstrip(".").lower() for one in told.policies)
    return tuple(_about(domain, told) for domain in domains if domain)


def _about(domain: str, told: _Report) -> ReceivedReport:
    mine = [one for one in told.policies if _text(one.policy.policy_domain).rstrip(".").lower() == domain]
    return ReceivedReport(
        kind=ReportKind.TLS,
        domain=domain,
        organization=_text(told.organization_name),
        identity=_text(told.report_id),
        begin=_utc(told.date_range.start_datetime),
        end=_utc(told.date_range.end_datetime),
        policy={"policies": [_published(one.policy) for one in mine]},
        rows=tuple(row for one in mine for row in _rows(one)),
    )


def _rows(one: _Policy) -> list[ReceivedRow]:
    kind, details = _text(one.policy.policy_type), one.failure_details or []
    good, failed = _count(one.summary.total_successful_session_count), _count(one.summary.total_failure_session_count)
    # What the summary counts beyond the details is told too, without their words.
    rest = max(0, failed - sum(_count(detail.failed_session_count) for detail in details))
    rows = [ReceivedRow("", good, True, {"policy": kind}), *(_failure(kind, detail) for detail in details)]
    rows.append(ReceivedRow("", rest, False, {"policy": kind}))
    return [row for row in rows if row.messages]


def _failure(kind: str, detail: _Failure) -> ReceivedRow:
    told = {
        "policy": kind,
        "result": _text(detail.result_type),
        "host": _text(detail.receiving_mx_hostname),
        "address": _text(detail.receiving_ip),
        "words": _text(detail.failure_reason_code) or _text(detail.additional_information),
    }
    return ReceivedRow(_text(detail.sending_mta_ip), _count(detail.failed_session_count), False, told)


def _published(policy: _Named) -> dict[str, Any]:
    return {
        "type": _text(policy.policy_type),
        "lines": _lines(policy.policy_string),
        "hosts": _lines(policy.mx_host),
    }


def _lines(value: list[str] | str | None) -> list[str]:
    return [_text(one) for one in ([value] if isinstance(value, str) else value or [])[:_LINES]]


def _text(value: str | None) -> str:
    return "".join(mark for mark in (value or "")[:_TEXT].strip() if mark.isprintable())


def _count(value: int) -> int:
    if not 0 <= value <= _MOST:
        raise UnreadableReportError("a count that cannot be")
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise UnreadableReportError("a time that cannot be") from error
