"""TLS reports as RFC 8460 writes them: whom a record names, what the JSON counts, how the mail carries it."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from email import message_from_bytes, policy

import pytest

from mail.report_mail import Reporter, compose
from mail.tls_report import Session, letter, report, report_addresses

DAY = date(2026, 1, 2)
OURS = Reporter("ours.test", "postmaster@ours.test")
STS = "version: STSv1\nmode: enforce\nmx: *.remote.test\nmax_age: 86400"
GOOD = Session("remote.test", "sts", STS, "mx.remote.test", "192.0.2.1", "198.51.100.1", "")
BAD = Session("remote.test", "sts", STS, "mx.remote.test", "192.0.2.1", "198.51.100.1", "certificate-expired")
DANE = Session("remote.test", "tlsa", "3 1 1 00ff", "mx.remote.test", "192.0.2.1", "198.51.100.1", "dnssec-invalid")


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (["v=TLSRPTv1; rua=mailto:a@b.test"], ("mailto:a@b.test",)),
        (["v=TLSRPTv1;rua=mailto:a@b.test,https://b.test/x;"], ("mailto:a@b.test", "https://b.test/x")),
        (["other", "v=TLSRPTv1; rua=http://b.test/ , ftp://x"], ()),
        (["v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:c@b.test"], ()),
        (["v=TLSRPTv2; rua=mailto:a@b.test"], ()),
        (["v=TLSRPTv1; ;=;"], ()),
        ([], ()),
    ],
)
def test_a_record_names_where_reports_go(records: list[str], told: tuple[str, ...]) -> None:
    assert report_addresses(records) == told


def test_a_report_counts_sessions_by_policy_and_failures_by_kind() -> None:
    told = json.loads(gzip.decompress(report(OURS, DAY, "remote.test", [(GOOD, 5), (BAD, 2), (DANE, 1)])))
    assert told["date-range"] == {"start-datetime": "2026-01-02T00:00:00Z", "end-datetime": "2026-01-02T23:59:59Z"}
    assert told["organization-name"] == "ours.test"
    sts, tlsa = told["policies"]
    assert sts["policy"] == {
        "policy-type": "sts", "policy-string": STS.split("\n"), "policy-domain": "remote.test",
        "mx-host": ["*.remote.test"],
    }  # fmt: skip
    assert sts["summary"] == {"total-successful-session-count": 5, "total-failure-session-count": 2}
    (failure,) = sts["failure-details"]
    assert (failure["result-type"], failure["failed-session-count"]) == ("certificate-expired", 2)
    assert (failure["receiving-ip"], failure["sending-mta-ip"]) == ("192.0.2.1", "198.51.100.1")
    assert tlsa["policy"]["policy-string"] == ["3 1 1 00ff"]
    assert tlsa["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 1}


def test_the_mail_is_a_multipart_report_that_carries_it_whole() -> None:
    content = report(OURS, DAY, "remote.test", [(GOOD, 5)] * 40)
    carrying = letter(OURS, DAY, "remote.test", content)
    octets = compose(OURS, carrying, "a@b.test", "<1@ours.test>", datetime(2026, 1, 3, tzinfo=UTC))
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    found = message_from_bytes(octets, policy=policy.default)
    assert found.get_content_type() == "multipart/report"
    assert found.get_param("report-type") == "tlsrpt"
    assert found["TLS-Report-Domain"] == "remote.test"
    assert found["TLS-Report-Submitter"] == "ours.test"
    assert found["TLS-Required"] == "No"
    words, attached = found.iter_parts()
    assert "remote.test" in words.get_content()
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    assert attached.get_payload(decode=True) == content
