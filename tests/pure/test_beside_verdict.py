"""D2: MTA-STS and the names of our addresses, each mistake by its name with the record that mends it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from admin.pages.catalogue import LANGUAGES, Words
from policy.beside_verdict import SourceNames, findings
from policy.domain_verdict import Facts, Finding, Said

D, HOST = "customer.example", "mail.host.example"
RECORD = (f"_mta-sts.{D}", "TXT")
RIGHT: Mapping[tuple[str, str], Said] = {(D, "MX"): Said((f"10 {HOST}.",)), RECORD: Said(("v=STSv1; id=7",))}
OURS = {HOST: ("192.0.2.1",), f"mta-sts.{D}": ("192.0.2.1",)}
NAMED = SourceNames("192.0.2.1", "out1.host.example", ("out1.host.example",), ("192.0.2.1",))


def found(
    zone: Mapping[tuple[str, str], Said] = RIGHT, hosts: Mapping[str, tuple[str, ...]] = OURS, one: SourceNames = NAMED
) -> dict[str, Finding]:
    facts = Facts(D, HOST, "token", [], ["192.0.2.1"], {**RIGHT, **zone})
    return {told.about: told for told in findings(facts, hosts, [one])}


def test_what_is_right_has_no_mistake() -> None:
    assert {about: told.mistake for about, told in found().items()} == {"mtasts": "", "mtasts_host": "", "ptr": ""}


def test_where_mail_arrives_elsewhere_the_policy_is_not_ours() -> None:
    assert set(found({(D, "MX"): Said(("10 mx.other.example.",))})) == {"ptr"}


@pytest.mark.parametrize(
    ("about", "mistake", "told"),
    [
        ("mtasts", "missing", found({RECORD: Said()})),
        ("mtasts", "wrong_name", found({RECORD: Said(), (f"_mta-sts.{D}.{D}", "TXT"): Said(("v=STSv1; id=1",))})),
        ("mtasts", "mtasts_differs", found({RECORD: Said(("v=STSv1",))})),
        ("mtasts", "mtasts_differs", found({RECORD: Said(("v=STSv1; id=1", "v=STSv1; id=2"))})),
        ("mtasts", "no_answer", found({RECORD: Said(known=False)})),
        ("mtasts_host", "missing", found(hosts={HOST: ("192.0.2.1",)})),
        ("mtasts_host", "mtasts_elsewhere", found(hosts={**OURS, f"mta-sts.{D}": ("192.0.2.9",)})),
        ("ptr", "ptr_missing", found(one=SourceNames("192.0.2.1", "out1.host.example", (), ()))),
        ("ptr", "ptr_differs", found(one=SourceNames("192.0.2.1", "out1.host.example", ("x.example",), ()))),
        ("ptr", "ptr_forward", found(one=SourceNames("2001:db8::1", "o.example", ("o.example",), ("192.0.2.1",)))),
    ],
)
def test_each_mistake_has_its_name_its_words_and_its_mend(about: str, mistake: str, told: dict[str, Finding]) -> None:
    one = told[about]
    assert one.mistake == mistake
    for language in LANGUAGES:
        assert Words(language).t(f"domains.mistake.{mistake}", **one.numbers)
        assert Words(language).t(f"domains.about.{about}")
    assert one.paste.value


def test_the_record_that_mends_is_the_address_own() -> None:
    told = found(one=SourceNames("192.0.2.1", "out1.host.example", (), ()))["ptr"].paste
    assert (told.host, told.type, told.value) == ("1.2.0.192.in-addr.arpa", "PTR", "out1.host.example.")
    back = found(one=SourceNames("2001:db8::1", "o.example", ("o.example",), ()))["ptr"].paste
    assert (back.host, back.type, back.value) == ("o.example", "AAAA", "2001:db8::1")


def test_addresses_of_a_laboratory_have_no_names() -> None:
    assert "ptr" not in found(one=SourceNames("127.0.0.2", "out1.test", (), ()))
