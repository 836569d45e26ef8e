"""TLS reports (RFC 8460): how the sessions with a domain's hosts went, as the JSON and the mail that its owner gets.

Pure. mta/outbound counts a Session for each connection that a policy speaks of, admin/tls_reports.py turns a day of
them into a report. Nothing here raises for what a domain's record holds.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from mail.report_mail import Letter, Reporter

_LAST: Final = 86_399  # the last second of a day
_RECORD: Final = re.compile(r"v=TLSRPTv1\s*;(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """One connection and what a policy made of it.

    `kind` is "sts" or "tlsa", `policy` the lines of the policy as they were served; `result` "" for success, else a
    word of §4.3; `host` "" where it came to no host.
    """

    domain: str
    kind: str
    policy: str
    host: str
    address: str
    source: str
    result: str


def report_addresses(records: Iterable[str]) -> tuple[str, ...]:
    """The URIs of the one TLSRPTv1 record among a name's TXT records; none where there is none or two (§3)."""
    found = [match[1] for text in records if (match := _RECORD.fullmatch(text.strip()))]
    if len(found) != 1:
        return ()
    fields = dict(part.strip().split("=", 1) for part in found[0].split(";") if "=" in part)
    named = (one.strip() for one in fields.get("rua", "").split(","))
    return tuple(one for one in named if one.startswith(("mailto:", "https://")))


def report_id(reporter: Reporter, day: date, domain: str) -> str:
    """The same for a repeat after a crash."""
    return f"{day:%Y%m%d}.{domain}@{reporter.domain}"


def report(reporter: Reporter, day: date, domain: str, counted: Sequence[tuple[Session, int]]) -> bytes:
    """The JSON of §4.4, compressed."""
    policies = sorted({(one.kind, one.policy) for one, _ in counted})
    told = {
        "organization-name": reporter.domain,
        "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
        "contact-info": reporter.contact,
        "report-id": report_id(reporter, day, domain),
        "policies": [_policy(domain, kind, policy, counted) for kind, policy in policies],
    }
    return gzip.compress(json.dumps(told, indent=1).encode(), mtime=0)


def _policy(domain: str, kind: str, policy: str, counted: Sequence[tuple[Session, int]]) -> dict[str, Any]:
    mine = [(one, count) for one, count in counted if (one.kind, one.policy) == (kind, policy)]
    failed = [(one, count) for one, count in mine if one.result]
    head: dict[str, Any] = {"policy-type": kind, "policy-string": policy.splitlines(), "policy-domain": domain}
    if kind == "sts":
        head["mx-host"] = [line.partition(":")[2].strip() for line in policy.splitlines() if line.startswith("mx:")]
    return {
        "policy": head,
        "summary": {
            "total-successful-session-count": sum(count for one, count in mine if not one.result),
            "total-failure-session-count": sum(count for _, count in failed),
        },
        "failure-details": [_failure(one, count) for one, count in failed],
    }


def _failure(one: Session, count: int) -> dict[str, Any]:
    told = {"result-type": one.result, "sending-mta-ip": one.source, "failed-session-count": count}
    if one.host:
        told |= {"receiving-mx-hostname": one.host, "receiving-ip": one.address}
    return told


def letter(reporter: Reporter, day: date, domain: str, content: bytes) -> Letter:
    """The multipart/report of §5.3 around a compressed report, named as §5.1 says."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return Letter(
        about=domain,
        identity=report_id(reporter, day, domain),
        local="tls-reports",
        title="TLS reports",
        words=f"How TLS with the hosts of {domain} went on {day}, seen by {reporter.domain}.",
        container='multipart/report; report-type="tlsrpt"',
        media_type="application/tlsrpt+gzip",
        file_name=f"{reporter.domain}!{domain}!{begin:.0f}!{begin + _LAST:.0f}.json.gz",
        content=content,
        fields=(
            f"TLS-Report-Domain: {domain}",
            f"TLS-Report-Submitter: {reporter.domain}",
            "TLS-Required: No",
        ),
        whatever_tls=True,
    )
