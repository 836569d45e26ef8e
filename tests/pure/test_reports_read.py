"""Reports of others about our domains: DMARC XML and TLS JSON in all their wrappings, and what must be refused."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
from base64 import b64encode
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.aggregate_read import ROWS, read_aggregate
from mail.aggregate_report import PolicySeen, Row, SignatureResult
from mail.aggregate_write import compressed, letter, of_day
from mail.outcome import Kind
from mail.packed import LARGEST, PackedError, unpacked
from mail.parts import parse
from mail.received_report import ReceivedRow, ReportKind, UnreadableReportError
from mail.report_mail import Reporter, compose
from mail.report_read import read_reports
from mail.tls_report import Session, report
from mail.tls_report import letter as tls_letter
from mail.tls_report_read import read_tls_report
from policy.classification import classify_mail

DAY = date(2026, 1, 2)
NOW = datetime(2026, 1, 3, tzinfo=UTC)
THEM = Reporter("them.test", "postmaster@them.test")
POLICY = PolicySeen("ours.test", "r", "s", "reject", "none", "none", "50", "n")
ROW = Row(
    "192.0.2.1", "none", "pass", "fail", "sampled_out", "ours.test", "b.ours.test", "b.ours.test", "mfrom", "fail",
    (SignatureResult("ours.test", "s1", "pass"), SignatureResult("list.test", "", "fail")),
)  # fmt: skip
PLAIN = Row("2001:db8::1", "reject", "fail", "fail", "", "ours.test", "", "x.test", "helo", "none", ())
FROM_OTHERS = b"""<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
 <report_metadata><org_name> Big &amp; Co </org_name><extra_contact_info>https://x.test</extra_contact_info>
  <report_id>17</report_id><date_range><begin>1767312000</begin><end>1767398399.0</end></date_range></report_metadata>
 <policy_published><domain>OURS.test.</domain><p>none</p><discovery_method>treewalk</discovery_method>
  <testing>y</testing></policy_published>
 <record><row><source_ip>192.0.2.7</source_ip><count>4</count>
   <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>pass</spf></policy_evaluated></row>
  <identifiers><header_from>ours.test</header_from></identifiers>
  <auth_results><spf><domain>ours.test</domain><result>pass</result></spf></auth_results></record>
 <record><row><source_ip>unknown</source_ip><count>4</count></row></record>
 <record><row><source_ip>192.0.2.8</source_ip><count>-4</count></row></record>
</feedback>
"""


def ours() -> bytes:
    """A report as we write them."""
    return gzip.decompress(compressed(of_day(THEM, DAY, POLICY, ((ROW, 3), (PLAIN, 2)))))


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, octets in files:
            archive.writestr(name, octets)
    return packed.getvalue()


def mailed(octets: bytes, media_type: str, name: str = "", subject: str = "Report Domain: ours.test") -> bytes:
    disposition = f'Content-Disposition: attachment; filename="{name}"\r\n' if name else ""
    head = (
        f"From: r@them.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: {media_type}\r\n"
        f"{disposition}Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + b64encode(octets)


def test_what_we_write_we_read() -> None:
    written = of_day(THEM, DAY, POLICY, ((ROW, 3), (PLAIN, 2)))
    found = read_aggregate(gzip.decompress(compressed(written)))
    assert found.rows == written.rows
    assert (found.organization, found.identity) == ("them.test", written.identity)
    assert (found.begin, found.end) == (written.begin, written.end)
    assert (found.policy.domain, found.policy.p, found.policy.pct) == ("ours.test", "reject", "50")


def test_what_others_write_is_read_and_rows_without_sense_are_left_out() -> None:
    found = read_aggregate(FROM_OTHERS)
    assert (found.organization, found.identity, found.policy.domain) == ("Big & Co", "17", "ours.test")
    assert (found.policy.testing, found.end) == ("y", datetime.fromtimestamp(1767398399, UTC))
    ((row, count),) = found.rows
    assert (row.source, row.spf, row.dkim, count) == ("192.0.2.7", "pass", "fail", 4)


@pytest.mark.parametrize(
    ("octets", "media_type", "name"),
    [
        (ours(), "text/xml", ""),
        (b"\xef\xbb\xbf\r\n" + ours(), "application/xml", ""),
        (gzip.compress(ours()), "application/gzip", ""),
        (gzip.compress(ours()), "application/octet-stream", "them.test!ours.test!1!2.xml.gz"),
        (zipped(("a.xml", ours())), "application/zip", ""),
        (zipped(("d/", b""), ("d/a.xml", ours())), "application/x-zip-compressed", "a.zip"),
        (zipped(("a.xml", ours()), method=zipfile.ZIP_STORED), "application/zip", "them.test!ours.test!1!2!3.zip"),
    ],
)
def test_a_report_is_found_in_every_wrapping(octets: bytes, media_type: str, name: str) -> None:
    content = mailed(octets, media_type, name)
    assert classify_mail(content).kind is Kind.AUTHREPORT
    (found,) = read_reports(parse(content))
    assert (found.kind, found.domain, found.messages, found.passed) == (ReportKind.DMARC, "ours.test", 5, 3)
    assert list(found.rows[0].details["signatures"]) == [asdict(one) for one in ROW.signatures]


def test_the_mail_that_we_send_is_a_report_for_who_reads_it() -> None:
    written = of_day(THEM, DAY, POLICY, ((ROW, 3),))
    content = compose(THEM, letter(THEM, written, compressed(written)), "r@ours.test", "<1@them.test>", NOW)
    assert classify_mail(content).kind is Kind.AUTHREPORT
    (found,) = read_reports(parse(content))
    assert found.identity == written.identity


def test_an_archive_that_nobody_calls_a_report_is_not_looked_into() -> None:
    content = mailed(gzip.compress(ours()), "application/gzip", "backup.gz", "The archive you asked for")
    assert read_reports(parse(content)) == ()
    assert classify_mail(content).kind is Kind.HUMAN


def test_a_tls_report_counts_by_domain_and_failure() -> None:
    good = Session("ours.test", "sts", "mode: enforce", "mx.ours.test", "192.0.2.1", "198.51.100.1", "")
    bad = Session(
        "ours.test", "sts", "mode: enforce", "mx.ours.test", "192.0.2.1", "198.51.100.1", "certificate-expired"
    )
    octets = report(THEM, DAY, "ours.test", [(good, 5), (bad, 2)])
    content = compose(THEM, tls_letter(THEM, DAY, "ours.test", octets), "r@ours.test", "<1@them.test>", NOW)
    assert classify_mail(content).kind is Kind.AUTHREPORT
    (found,) = read_reports(parse(content))
    assert (found.kind, found.domain, found.messages, found.passed) == (ReportKind.TLS, "ours.test", 7, 5)
    assert found.rows[1] == ReceivedRow(
        "198.51.100.1", 2, False,
        {"policy": "sts", "result": "certificate-expired", "host": "mx.ours.test", "address": "192.0.2.1", "words": ""},
    )  # fmt: skip
    assert found.begin == datetime(2026, 1, 2, tzinfo=UTC)


def tls(**changed: Any) -> bytes:
    policy = {
        "policy": {"policy-type": "sts", "policy-domain": "ours.test", "mx-host": "mx.ours.test"},
        "summary": {"total-successful-session-count": 1, "total-failure-session-count": 3},
    }
    told = {
        "organization-name": "Them", "report-id": "1", "policies": [policy],
        "date-range": {"start-datetime": "2026-01-02T00:00:00Z", "end-datetime": "2026-01-02T23:59:59Z"},
    }  # fmt: skip
    return json.dumps(told | changed).encode()


def test_failures_that_are_only_in_the_summary_count_too() -> None:
    (found,) = read_tls_report(tls())
    assert [(row.messages, row.passed) for row in found.rows] == [(1, True), (3, False)]


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"[]", b"{}", b"{" * 100_000, b"\xff", tls(policies=7), tls(**{"report-id": ""}),
        tls(**{"date-range": {"start-datetime": "x", "end-datetime": "y"}}),
        tls(policies=[{"policy": {"policy-type": "sts", "policy-domain": "a.test"},
                       "summary": {"total-successful-session-count": -1}}]),
        tls(policies=[{"policy": {"policy-type": "sts", "policy-domain": "a.test"}}] * 200),
    ],
    ids=str,
)  # fmt: skip
def test_json_that_is_no_report_is_refused(octets: bytes) -> None:
    with pytest.raises(UnreadableReportError):
        read_tls_report(octets)


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><feedback>&c;</feedback>"""
OUTSIDE = b"""<!DOCTYPE feedback [<!ENTITY a SYSTEM "file:///etc/passwd">]><feedback><report_metadata><report_id>&a;
</report_id></report_metadata></feedback>"""


@pytest.mark.parametrize(
    "octets",
    [
        LAUGHS,
        OUTSIDE,
        ours().replace(b"<feedback>", b'<!DOCTYPE feedback SYSTEM "http://127.0.0.1/x.dtd"><feedback>'),
        b"<a>" * 100 + b"</a>" * 100,
        b"<feedback>",
        b"",
        b"<feedback/>",
        ours().replace(b"1767312000", b"99999999999999"),
        ours().replace(b"<domain>ours.test</domain>\n<adkim>", b"<domain>../etc</domain>\n<adkim>"),
        ours().replace(b"UTF-8", b"no-such-charset"),
        b"<feedback>" + b"<record><row><source_ip>::1</source_ip><count>1</count></row></record>" * (ROWS + 1),
    ],
    ids=["laughs", "outside", "dtd", "deep", "open", "empty", "nothing", "time", "domain", "charset", "rows"],
)
def test_security_14_xml_that_is_hostile_or_no_report_is_refused(octets: bytes) -> None:
    with pytest.raises(UnreadableReportError):
        read_aggregate(octets)


def test_a_text_without_end_is_cut() -> None:
    found = read_aggregate(ours().replace(b"<org_name>them.test", b"<org_name>" + b"x" * 1_000_000))
    assert len(found.organization) == 255


def _bomb() -> bytes:
    return gzip.compress(bytes(400 * 1024 * 1024), compresslevel=1)


def test_security_14_bombs_are_refused_and_memory_stays_flat() -> None:
    bomb = _bomb()
    packed = zipped(("a.xml", bytes(LARGEST + 1)))
    tracemalloc.start()
    for octets in (bomb, packed):
        with pytest.raises(PackedError):
            unpacked(octets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * LARGEST
    assert len(bomb) < 5 * 1024 * 1024


@pytest.mark.parametrize(
    "octets",
    [
        gzip.compress(gzip.compress(ours())),
        gzip.compress(zipped(("a.xml", ours()))),
        zipped(("a.zip", zipped(("a.xml", ours())))),
        zipped(("a.xml", ours()), ("b.xml", ours())),
        zipped(("a.xml", ours()), method=zipfile.ZIP_LZMA),
        zipped(),
        gzip.compress(ours())[:-20],
        zipped(("a.xml", ours()))[:-30],
        b"PK\x03\x04",
        b"\x1f\x8b",
    ],
    ids=["gz in gz", "zip in gz", "zip in zip", "two", "lzma", "none", "cut gz", "cut zip", "zip head", "gz head"],
)
def test_security_14_an_archive_in_an_archive_or_a_broken_one_is_refused(octets: bytes) -> None:
    with pytest.raises((PackedError, UnreadableReportError)):
        read_aggregate(unpacked(octets))


def test_security_14_a_zip_that_lies_about_its_size_is_refused() -> None:
    packed = bytearray(zipped(("a.xml", bytes(LARGEST + 10))))
    at = packed.rindex(b"PK\x01\x02") + 24
    packed[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(PackedError):
        unpacked(bytes(packed))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2000), st.sampled_from([ours(), FROM_OTHERS, tls()]))
def test_any_octets_end_in_reports_or_in_a_refusal(noise: bytes, at: int, good: bytes) -> None:
    octets = good[:at] + noise + good[at + len(noise) :]
    for content in (mailed(octets, "text/xml"), mailed(gzip.compress(octets), "application/gzip"), octets):
        try:
            found = read_reports(parse(content))
        except UnreadableReportError:
            continue
        assert all(one.messages >= one.passed >= 0 for one in found)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.text(max_size=20))
def test_no_control_character_comes_out_of_a_report(text: str, domain: str) -> None:
    kept = text.replace("&", "").replace("<", "").replace("]]>", "")
    octets = ours().replace(b"<org_name>them.test", b"<org_name>" + kept.encode("utf-8", "replace"))
    try:
        found = read_aggregate(octets)
    except UnreadableReportError:
        return
    assert found.organization.isprintable()
    assert len(found.organization) <= 255
