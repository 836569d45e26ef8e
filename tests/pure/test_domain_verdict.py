"""Every mistake of a domain's records is called by its name, with the record to publish instead (D2), and what the
domain may do follows from the records alone (D5). One zone a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from admin.pages.catalogue import LANGUAGES, Words
from policy import domain_verdict
from policy.domain_verdict import Facts, Finding, Said, followed, next_check
from policy.spf_text import Names, admits, lookups, merged

D, HOST, TOKEN = "customer.example", "mail.host.example", "token123"
KEY = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1234567890abcdef"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
MX, SPF = (D, "MX"), (D, "TXT")
OWN, DKIM, DMARC = (f"_mailloft.{D}", "TXT"), (f"r1._domainkey.{D}", "TXT"), (f"_dmarc.{D}", "TXT")
TLSRPT = (f"_smtp._tls.{D}", "TXT")
RIGHT: Mapping[tuple[str, str], Said] = {
    OWN: Said((f"mailloft-ownership={TOKEN}",)),
    MX: Said((f"10 {HOST}.",)),
    SPF: Said(("v=spf1 ip4:192.0.2.1 -all", "google-site-verification=x")),
    DKIM: Said((KEY,)),
    DMARC: Said(("v=DMARC1; p=quarantine",)),
    TLSRPT: Said((f"v=TLSRPTv1; rua=mailto:tls-reports@{D}",)),
    **{(f"{host}.{D}", "TXT"): Said() for host, _ in (OWN, DKIM, DMARC, TLSRPT)},
}


def facts(changed: Mapping[tuple[str, str], Said], names: Names | None = None) -> Facts:
    return Facts(D, HOST, TOKEN, [("r1", KEY)], ["192.0.2.1"], {**RIGHT, **changed}, names or Names())


def of(about: str, changed: Mapping[tuple[str, str], Said], names: Names | None = None) -> Finding:
    (found,) = (one for one in domain_verdict.findings(facts(changed, names)) if one.about == about)
    return found


def test_a_right_zone_has_no_mistake_and_may_everything() -> None:
    found = domain_verdict.findings(facts({}))
    assert [one.mistake for one in found] == [""] * 6
    assert domain_verdict.states(found) == {"owned": True, "sending": True, "linked": True}


ELEVEN = " ".join(f"include:i{number}.example" for number in range(11))
MISTAKES = [
    ("ownership", "missing", {OWN: Said()}),
    ("ownership", "ownership_differs", {OWN: Said(("mailloft-ownership=other",))}),
    ("ownership", "wrong_name", {OWN: Said(), (f"_mailloft.{D}.{D}", "TXT"): Said((f"mailloft-ownership={TOKEN}",))}),
    ("ownership", "cname", {OWN: Said((), cname="elsewhere.example")}),
    ("ownership", "no_answer", {OWN: Said(known=False)}),
    ("mx", "missing", {MX: Said()}),
    ("mx", "mx_zone_appended", {MX: Said((f"10 {HOST}.{D}.",))}),
    ("mx", "mx_zone_appended", {MX: Said((f"10 mail.{D}.{D}.",))}),
    ("mx", "mx_address", {MX: Said(("10 192.0.2.7.",))}),
    ("mx", "mx_null", {MX: Said(("0 .",))}),
    ("mx", "mx_elsewhere", {MX: Said(("10 mx.other.example.",))}),
    ("mx", "mx_beside", {MX: Said((f"10 {HOST}.", "20 mx.other.example."))}),
    ("mx", "cname", {MX: Said((f"10 {HOST}.",), cname="shop.example")}),
    ("mx", "no_answer", {MX: Said(known=False)}),
    ("spf", "missing", {SPF: Said(("something else",))}),
    ("spf", "spf_two", {SPF: Said(("v=spf1 ip4:192.0.2.1 -all", "v=spf1 include:other.example ~all"))}),
    ("spf", "spf_all", {SPF: Said(("v=spf1 ip4:192.0.2.1 +all",))}),
    ("spf", "spf_all", {SPF: Said(("v=spf1 ip4:192.0.2.1 all",))}),
    ("spf", "spf_syntax", {SPF: Said(("v=spf1 ip4:192.0.2.1 includ:other.example -all",))}),
    ("spf", "spf_lookups", {SPF: Said((f"v=spf1 ip4:192.0.2.1 {ELEVEN} -all",))}),
    ("spf", "spf_lacks", {SPF: Said(("v=spf1 ip4:198.51.100.1 -all",))}),
    ("spf", "no_answer", {SPF: Said(known=False)}),
    ("dkim", "missing", {DKIM: Said()}),
    ("dkim", "wrong_name", {DKIM: Said(), (f"r1._domainkey.{D}.{D}", "TXT"): Said((KEY,))}),
    ("dkim", "dkim_two", {DKIM: Said((KEY, KEY.replace("1234", "4321")))}),
    ("dkim", "dkim_revoked", {DKIM: Said(("v=DKIM1; k=rsa; p=",))}),
    ("dkim", "dkim_split", {DKIM: Said((KEY.replace("FAAO", 'FA" "AO'),))}),
    ("dkim", "dkim_truncated", {DKIM: Said((KEY[:-9],))}),
    ("dkim", "dkim_differs", {DKIM: Said((KEY.replace("1234567890", "0987654321"),))}),
    ("dkim", "cname", {DKIM: Said((), cname="elsewhere.example")}),
    ("dmarc", "missing", {DMARC: Said()}),
    ("dmarc", "wrong_name", {DMARC: Said(), (f"_dmarc.{D}.{D}", "TXT"): Said(("v=DMARC1; p=none",))}),
    ("dmarc", "dmarc_two", {DMARC: Said(("v=DMARC1; p=none", "v=DMARC1; p=reject"))}),
    ("dmarc", "dmarc_version", {DMARC: Said(("v=dmarc1; p=none",))}),
    ("dmarc", "dmarc_syntax", {DMARC: Said(("v=DMARC1; p=never",))}),
    ("dmarc", "dmarc_syntax", {DMARC: Said(("v=DMARC1; p=none; rua=reports@customer.example",))}),
    ("tlsrpt", "missing", {TLSRPT: Said()}),
    ("tlsrpt", "tlsrpt_differs", {TLSRPT: Said(("v=TLSRPTv1; ruf=mailto:x@y.example",))}),
    ("dmarc", "dmarc_policy", {DMARC: Said(("v=DMARC1; rua=mailto:reports@customer.example",))}),
]


@pytest.mark.parametrize(("about", "mistake", "changed"), MISTAKES)
def test_each_mistake_is_named_with_its_mend_in_every_language(
    about: str, mistake: str, changed: Mapping[tuple[str, str], Said]
) -> None:
    found = of(about, changed)
    assert found.mistake == mistake
    assert found.paste.value
    for language in LANGUAGES:
        assert Words(language).t(f"domains.mistake.{mistake}", **found.numbers)
    others = {one.mistake for one in domain_verdict.findings(facts(changed)) if one.about != about}
    assert others == {""} or (mistake == "cname" and about == "mx")


def test_every_mistake_that_has_words_has_a_zone() -> None:
    from admin.pages.catalogue import load

    worded = {key.rpartition(".")[2] for key in load("en") if key.startswith("domains.mistake.")}
    beside = {
        "mtasts_differs",
        "mtasts_elsewhere",
        "ptr_missing",
        "ptr_differs",
        "ptr_forward",
    }
    assert worded == {mistake for _, mistake, _ in MISTAKES} | {"mx_alias"} | beside


def test_an_mx_that_is_an_alias_is_named() -> None:
    names = Names(aliases={"alias.example": HOST})
    assert of("mx", {MX: Said(("10 alias.example.",))}, names).mistake == "mx_alias"


def test_a_key_may_be_spaced_as_dns_panels_space_it() -> None:
    assert of("dkim", {DKIM: Said(("v=DKIM1;k=rsa;p=" + KEY.partition("p=")[2],))}).mistake == ""


def test_two_spf_records_become_one_with_everything_that_both_admit() -> None:
    both = ("v=spf1 ip4:198.51.100.0/24 include:other.example ~all", "v=spf1 a redirect=third.example")
    assert merged(both, ["192.0.2.1"]) == (
        "v=spf1 ip4:192.0.2.1 ip4:198.51.100.0/24 include:other.example a include:third.example ~all"
    )
    assert merged(("v=spf1 +all",), ["2001:db8::1"]) == "v=spf1 ip6:2001:db8::1 ~all"


def test_spf_is_followed_through_includes_and_hosts_and_loops_end() -> None:
    record = "v=spf1 include:a.example -all"
    names = Names(
        {
            "a.example": "v=spf1 include:b.example a:host.example ?all",
            "b.example": "v=spf1 include:a.example ip4:192.0.2.0/24",
        },
        {("a", "host.example"): ("198.51.100.9",)},
    )  # fmt: skip
    assert admits(D, record, "192.0.2.77", names)
    assert admits(D, record, "198.51.100.9", names)
    assert not admits(D, record, "203.0.113.1", names)
    assert not admits(D, "v=spf1 -ip4:192.0.2.1 -all", "192.0.2.1", Names())
    assert lookups(D, record, names) > 10, "a loop of includes is over the limit, not endless"
    assert lookups(D, "v=spf1 ip4:192.0.2.1 a mx include:x.example exists:%{i}.y.example -all", Names()) == 4


def test_a_broken_record_takes_a_state_back_after_a_day_and_a_mended_one_gives_it_at_once() -> None:
    had = {"owned": True, "sending": True, "linked": False}
    broken: dict[str, bool | None] = {"owned": True, "sending": False, "linked": False}
    states, since = followed(had, broken, {}, NOW)
    assert (states["sending"], since) == (True, {"sending": NOW})
    states, since = followed(had, broken, since, NOW + timedelta(hours=23))
    assert (states["sending"], since) == (True, {"sending": NOW})
    fallen, gone = followed(had, broken, since, NOW + timedelta(hours=25))
    assert (fallen["sending"], gone) == (False, {})
    mended, none = followed(fallen, {**broken, "sending": True}, {}, NOW + timedelta(hours=26))
    assert (mended["sending"], none) == (True, {})


def test_name_servers_that_do_not_answer_change_nothing() -> None:
    found = domain_verdict.findings(facts({key: Said(known=False) for key in RIGHT}))
    assert domain_verdict.states(found) == {"owned": None, "sending": None, "linked": None}
    had = {"owned": True, "sending": True, "linked": False}
    begun = {"sending": NOW}
    states, since = followed(had, domain_verdict.states(found), begun, NOW + timedelta(hours=30))
    assert (states, since) == (had, begun)


def test_the_pauses_between_checks_grow_to_six_hours() -> None:
    pauses = [next_check(checks, False, NOW) - NOW for checks in range(12)]
    assert pauses[0] == timedelta(minutes=1)
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=6) == next_check(0, True, NOW) - NOW
