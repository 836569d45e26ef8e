"""RFC 7489: records, alignment, verdicts. The zones and names are ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.authentication import (
    Disposition,
    DkimFinding,
    DmarcRecord,
    DmarcResult,
    DmarcVerdict,
    Override,
    Published,
    SpfFinding,
    dmarc,
    only_record,
    parse_record,
)

REJECT = parse_record("v=DMARC1; p=reject")
NO_SPF = SpfFinding("none", "")


def organizational(domain: str) -> str:
    """As by a public suffix list that knows only "example"."""
    return ".".join(domain.split(".")[-2:])


def verdict(
    record: DmarcRecord | None = REJECT,
    spf: SpfFinding = NO_SPF,
    dkim: tuple[DkimFinding, ...] = (),
    author: str = "site.example",
    found_at: str = "site.example",
    sample: float = 0.0,
    exists: bool = True,
) -> DmarcVerdict:
    published = None if record is None else Published(record, found_at, exists)
    return dmarc(author, published, spf, dkim, organizational, sample)


def signature(domain: str, result: str = "pass", covers_body: bool = True) -> DkimFinding:
    return DkimFinding(result, domain, covers_body)


def test_a_record_has_the_defaults_of_the_rfc() -> None:
    assert parse_record("v=DMARC1; p=quarantine") == DmarcRecord(
        Disposition.QUARANTINE, Disposition.QUARANTINE, 100, strict_dkim=False, strict_spf=False, reports=(),
        nonexistent=Disposition.QUARANTINE,
    )  # fmt: skip


def test_every_tag_is_read() -> None:
    text = (
        "v=DMARC1;p=reject ; sp=none;np = Quarantine;psd=y;t=Y;pct=25; adkim=s;aspf=S; "
        "rua=mailto:a@x.example,mailto:b@x.example!10m; x=1"
    )
    assert parse_record(text) == DmarcRecord(
        Disposition.REJECT,
        Disposition.NONE,
        25,
        strict_dkim=True,
        strict_spf=True,
        reports=("mailto:a@x.example", "mailto:b@x.example!10m"),
        nonexistent=Disposition.QUARANTINE,
        testing=True,
        suffix="y",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=DMARC1",
        "v=DMARC1;",
        "p=reject; v=DMARC1",
        "v=DMARC2; p=reject",
        "v=dmarc1; p=reject",
        "v=DMARC1; p=maybe",
    ],
)
def test_what_is_no_record(text: str) -> None:
    assert parse_record(text) is None


def test_a_record_without_a_usable_policy_but_with_reports_asks_for_nothing() -> None:
    record = parse_record("v=DMARC1; p=maybe; rua=mailto:a@x.example")
    assert record is not None and record.policy is Disposition.NONE


@pytest.mark.parametrize(
    ("value", "percent"), [("0", 0), ("100", 100), ("250", 100), ("x", 100), ("-5", 100), ("", 100)]
)
def test_a_bad_percentage_counts_as_absent(value: str, percent: int) -> None:
    record = parse_record(f"v=DMARC1; p=reject; pct={value}")
    assert record is not None and record.percent == percent


def test_two_records_are_none_and_other_texts_do_not_count() -> None:
    one = "v=DMARC1; p=reject"
    assert only_record(["v=spf1 -all", one]) == parse_record(one)
    assert only_record([one, one]) is None
    assert only_record([]) is None


@pytest.mark.parametrize(
    ("spf", "dkim", "result"),
    [
        (SpfFinding("pass", "bounce.site.example"), (), DmarcResult.PASS),
        (SpfFinding("pass", "SITE.example."), (), DmarcResult.PASS),
        (SpfFinding("pass", "other.example"), (), DmarcResult.FAIL),
        (SpfFinding("softfail", "site.example"), (), DmarcResult.FAIL),
        (NO_SPF, (signature("mail.site.example"),), DmarcResult.PASS),
        (NO_SPF, (signature("other.example"), signature("site.example")), DmarcResult.PASS),
        (NO_SPF, (signature("other.example"),), DmarcResult.FAIL),
        (NO_SPF, (signature("site.example", "fail"),), DmarcResult.FAIL),
        (NO_SPF, (signature("site.example", covers_body=False),), DmarcResult.FAIL),
        (SpfFinding("temperror", "site.example"), (), DmarcResult.TEMPERROR),
        (SpfFinding("temperror", "other.example"), (), DmarcResult.FAIL),
        (NO_SPF, (signature("site.example", "temperror"),), DmarcResult.TEMPERROR),
        (SpfFinding("pass", ""), (), DmarcResult.FAIL),
    ],
)
def test_one_aligned_pass_is_enough_and_nothing_less(
    spf: SpfFinding, dkim: tuple[DkimFinding, ...], result: DmarcResult
) -> None:
    found = verdict(spf=spf, dkim=dkim)
    assert found.result is result
    assert found.disposition is (Disposition.REJECT if result is DmarcResult.FAIL else Disposition.NONE)


def test_strict_alignment_wants_the_same_domain() -> None:
    strict = parse_record("v=DMARC1; p=reject; adkim=s; aspf=s")
    below = SpfFinding("pass", "bounce.site.example")
    assert verdict(strict, spf=below, dkim=(signature("mail.site.example"),)).result is DmarcResult.FAIL
    same = verdict(strict, spf=SpfFinding("pass", "site.example"), dkim=(signature("site.example"),))
    assert (same.result, same.aligned_spf, same.aligned_dkim) == (DmarcResult.PASS, True, True)


def test_a_domain_without_a_record_has_no_result() -> None:
    found = verdict(None, spf=SpfFinding("pass", "site.example"))
    assert (found.result, found.disposition) == (DmarcResult.NONE, Disposition.NONE)


def test_a_subdomain_without_its_own_record_is_treated_by_sp() -> None:
    record = parse_record("v=DMARC1; p=reject; sp=quarantine; np=none")
    assert verdict(record, author="news.site.example").disposition is Disposition.QUARANTINE
    assert verdict(record, author="no.site.example", exists=False).disposition is Disposition.NONE
    assert verdict(record, author="site.example").disposition is Disposition.REJECT


@pytest.mark.parametrize(
    ("policy", "sample", "expected"),
    [
        (Disposition.REJECT, 29.9, Disposition.REJECT),
        (Disposition.REJECT, 30.0, Disposition.QUARANTINE),
        (Disposition.QUARANTINE, 29.9, Disposition.QUARANTINE),
        (Disposition.QUARANTINE, 30.0, Disposition.NONE),
        (Disposition.NONE, 0.0, Disposition.NONE),
    ],
)
def test_mail_outside_the_sample_gets_the_milder_treatment(
    policy: Disposition, sample: float, expected: Disposition
) -> None:
    record = parse_record(f"v=DMARC1; p={policy.value}; pct=30")
    found = verdict(record, sample=sample)
    assert found.disposition is expected
    assert found.override is (None if expected is policy else Override.SAMPLED_OUT)


def test_while_its_owner_tests_a_policy_is_a_step_milder() -> None:
    found = verdict(parse_record("v=DMARC1; p=reject; t=y"))
    assert (found.disposition, found.override) == (Disposition.QUARANTINE, Override.TEST_MODE)


def test_np_is_sp_where_it_is_absent() -> None:
    record = parse_record("v=DMARC1; p=none; sp=reject")
    assert verdict(record, author="no.site.example", exists=False).disposition is Disposition.REJECT


@settings(max_examples=80)
@given(st.text(max_size=120) | st.text(max_size=80).map(lambda tail: f"v=DMARC1; p=reject;{tail}"))
def test_any_text_is_a_record_or_none(text: str) -> None:
    record = parse_record(text)
    assert record is None or 0 <= record.percent <= 100
