"""A record that is well has one line; one that is not has its mend and what to paste, in words without escapes."""

from __future__ import annotations

from admin.finding_lines import finding_lines
from admin.pages.catalogue import Words
from policy.domain_records import DnsRecord
from policy.domain_verdict import Finding

PASTE = DnsRecord("customer.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")


def test_a_record_that_is_well_has_a_line() -> None:
    assert finding_lines(Words("en"), Finding("spf", "", PASTE)) == ["SPF: who may send: yes"]


def test_a_wrong_one_is_told_with_its_mend_and_what_to_publish() -> None:
    found = Finding("spf", "spf_syntax", PASTE, numbers={"word": "<all>"})
    assert finding_lines(Words("en"), found) == [
        "SPF: who may send: “<all>” is no mechanism of SPF, so the whole record counts as broken.",
        "  customer.example TXT v=spf1 ip4:192.0.2.1 -all",
    ]


def test_where_no_name_server_told_nothing_is_to_be_published() -> None:
    (line,) = finding_lines(Words("en"), Finding("spf", "no_answer", PASTE))
    assert line.startswith("SPF: who may send: No name server")
