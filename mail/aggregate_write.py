"""DMARC aggregate reports that we send: the XML of RFC 7489 appendix C, compressed, and the mail around it.

Pure. Called by admin/dmarc_reports.py. The form is that of RFC 7489, which every reader knows; what only the later
specification has a word for is "other" in it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final
from xml.sax.saxutils import escape

from mail.aggregate_report import Aggregate, PolicySeen, Row
from mail.report_mail import Letter, Reporter

_REASONS: Final = frozenset({"forwarded", "sampled_out", "trusted_forwarder", "mailing_list", "local_policy", "other"})


def of_day(reporter: Reporter, day: date, policy: PolicySeen, rows: tuple[tuple[Row, int], ...]) -> Aggregate:
    """The report on a day (UTC); its identity is the same for a repeat after a crash."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seal = sha256(repr(policy).encode()).hexdigest()[:12]
    identity = f"{day:%Y%m%d}.{seal}.{policy.domain}@{reporter.domain}"
    last = begin + timedelta(days=1, seconds=-1)
    return Aggregate(reporter.domain, reporter.contact, identity, begin, last, policy, rows)


def compressed(report: Aggregate) -> bytes:
    return gzip.compress("\n".join(_lines(report)).encode(), mtime=0)


def letter(reporter: Reporter, report: Aggregate, content: bytes) -> Letter:
    """The mail of §7.2.1.1."""
    seconds = f"{report.begin.timestamp():.0f}!{report.end.timestamp():.0f}"
    domain = report.policy.domain
    return Letter(
        about=domain,
        identity=report.identity,
        local="dmarc-reports",
        title="DMARC reports",
        words=f"Mail that said it was from {domain} on {report.begin:%Y-%m-%d}, as {reporter.domain} saw it.",
        container="multipart/mixed",
        media_type="application/gzip",
        file_name=f"{reporter.domain}!{domain}!{seconds}!{report.identity.split('.')[1]}.xml.gz",
        content=content,
    )


def _lines(report: Aggregate) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield "<feedback>"
    yield _element("version", "1.0")
    yield "<report_metadata>"
    yield _element("org_name", report.organization)
    yield _element("email", report.contact)
    yield _element("report_id", report.identity)
    times = _element("begin", f"{report.begin.timestamp():.0f}") + _element("end", f"{report.end.timestamp():.0f}")
    yield f"<date_range>{times}</date_range>"
    yield "</report_metadata>"
    yield from _policy(report.policy)
    for row, count in report.rows:
        yield from _record(row, count)
    yield "</feedback>"
    yield ""


def _policy(policy: PolicySeen) -> Iterator[str]:
    yield "<policy_published>"
    yield _element("domain", policy.domain)
    for name in ("adkim", "aspf", "p", "sp", "pct"):
        yield _element(name, getattr(policy, name))
    yield "</policy_published>"


def _record(row: Row, count: int) -> Iterator[str]:
    known = row.reason if row.reason in _REASONS else "other"
    comment = _element("comment", row.reason) if known != row.reason else ""
    reason = f"<reason>{_element('type', known)}{comment}</reason>" if row.reason else ""
    judged = _element("disposition", row.disposition) + _element("dkim", row.dkim) + _element("spf", row.spf)
    yield "<record>"
    yield f"<row>{_element('source_ip', row.source)}{_element('count', str(count))}"
    yield f"<policy_evaluated>{judged}{reason}</policy_evaluated></row>"
    named = _element("envelope_from", row.envelope_from) + _element("header_from", row.header_from)
    yield f"<identifiers>{named}</identifiers>"
    yield "<auth_results>"
    for one in row.signatures:
        told = _element("domain", one.domain) + _element("selector", one.selector) + _element("result", one.result)
        yield f"<dkim>{told}</dkim>"
    told = _element("domain", row.spf_domain) + _element("scope", row.spf_scope) + _element("result", row.spf_result)
    yield f"<spf>{told}</spf>"
    yield "</auth_results>"
    yield "</record>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
