"""Reports that strangers send about our domains: XML, JSON, and what they are packed in."""

from __future__ import annotations

import contextlib
import gzip
from typing import Final

from fuzz.target import Target

from mail.aggregate_read import read_aggregate
from mail.packed import PackedError, unpacked
from mail.received_report import UnreadableReportError
from mail.tls_report_read import read_tls_report

_XML: Final = (
    b"<feedback><report_metadata><org_name>x</org_name><report_id>1</report_id><date_range><begin>1</begin><end>2</end>"
    b"</date_range></report_metadata><policy_published><domain>a.test</domain></policy_published><record><row>"
    b"<source_ip>192.0.2.1</source_ip><count>2</count></row></record></feedback>"
)
_JSON: Final = (
    b'{"report-id":"1","date-range":{"start-datetime":"2026-01-02T00:00:00Z","end-datetime":"2026-01-02T23:59:59Z"},'
    b'"policies":[{"policy":{"policy-type":"sts","policy-domain":"a.test"}}]}'
)
_PIECES: Final = [
    b"<", b">", b"</", b"<record>", b"</record>", b"<count>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&#0;", b"-1",
    b"1e999", b"99999999999999999999", b"{", b"[", b'"', b"null", b"\x1f\x8b", b"PK\x03\x04", b"\xff", b"\0",
]  # fmt: skip


def _report(octets: bytes) -> None:
    with contextlib.suppress(PackedError):
        octets = unpacked(octets)
    with contextlib.suppress(UnreadableReportError):
        assert all(count > 0 for _, count in read_aggregate(octets).rows)
    with contextlib.suppress(UnreadableReportError):
        assert all(one.messages >= one.passed for one in read_tls_report(octets))


TARGETS: Final = (Target("reports", [_XML, _JSON, gzip.compress(_XML, mtime=0)], _PIECES, _report),)
