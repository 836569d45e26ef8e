"""SPF as RFC 7208 has it: samples of ours for each rule, and the published suite where it is here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.inbound.verifiers import check_spf
from peers.auth_corpus import asking, record, scenarios, txt

US = "mx.ours.test"
Zone = dict[tuple[str, str], list[Any] | None]


def spf(zone: Zone, path: str = "x@a.test", peer: str = "192.0.2.1", helo: str = "helo.test") -> str:
    return check_spf(asking(zone), peer, path, helo, US)


def at(text: str) -> Zone:
    """A zone where a.test publishes `text`."""
    return {("a.test", "TXT"): [txt(text)]}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("v=spf1 ip4:198.51.100.1 -all", "fail"),
        ("v=spf1 ip4:198.51.100.1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1", "neutral"),
        ("v=spf2 -all", "none"),
        ("V=SPF1 -ALL", "fail"),
        ("v=spf1 ip4:192.0.2 -all", "permerror"),
        ("v=spf1 nonsense -all", "permerror"),
        ("v=spf1 redirect=b.test", "permerror"),
        ("v=spf1 include:b.test -all", "permerror"),
        ("v=spf1 include:a.test -all", "permerror"),
        ("v=spf1 redirect=a.test", "permerror"),
    ],
)
def test_one_record_one_result(text: str, result: str) -> None:
    assert spf(at(text)) == result


def test_two_records_are_a_permerror_and_none_is_none() -> None:
    assert spf({("a.test", "TXT"): [txt("v=spf1 -all"), txt("v=spf1 +all")]}) == "permerror"
    assert spf({("a.test", "TXT"): [txt("something else")]}) == "none"
    assert spf({}) == "none"


def test_a_record_in_several_strings_is_one() -> None:
    assert spf({("a.test", "TXT"): [txt("v=spf1 ip4:192.0", ".2.1 -all")]}) == "pass"


def test_hosts_mail_hosts_and_macros_are_looked_up() -> None:
    zone = at("v=spf1 a mx exists:%{ir}.%{v}.list.test -all")
    assert spf(zone | {("a.test", "A"): [record("A", "192.0.2.1")]}) == "pass"
    assert spf(zone | {("a.test", "MX"): [record("MX", "5 m.test.")], ("m.test", "A"): [record("A", "192.0.2.1")]}) == (
        "pass"
    )
    assert spf(zone | {("1.2.0.192.in-addr.list.test", "A"): [record("A", "127.0.0.2")]}) == "pass"
    assert spf(zone | {("a.test", "AAAA"): [record("AAAA", "2001:db8::1")]}, peer="2001:db8::1") == "pass"


def test_security_15_look_ups_are_ten_and_void_ones_two() -> None:
    chain: Zone = {(f"c{n}.test", "TXT"): [txt(f"v=spf1 include:c{n + 1}.test -all")] for n in range(12)}
    assert spf(at("v=spf1 include:c0.test -all") | chain) == "permerror"
    hosts: Zone = {(f"h{n}.test", "A"): [record("A", "198.51.100.7")] for n in range(11)}
    assert spf(at("v=spf1 " + " ".join(f"a:h{n}.test" for n in range(10)) + " -all") | hosts) == "fail"
    assert spf(at("v=spf1 " + " ".join(f"a:h{n}.test" for n in range(11)) + " -all") | hosts) == "permerror"
    assert spf(at("v=spf1 a:v1.test a:v2.test -all")) == "fail"
    assert spf(at("v=spf1 a:v1.test a:v2.test a:v3.test -all")) == "permerror"


def test_security_15_a_record_without_end_is_not_read() -> None:
    assert spf(at("v=spf1 " + "ip4:192.0.2.1 " * 2000 + "-all")) == "permerror"


def test_a_server_that_does_not_answer_is_a_temperror() -> None:
    assert spf({("a.test", "TXT"): None}) == "temperror"
    assert spf(at("v=spf1 a -all") | {("a.test", "A"): None}) == "temperror"


def test_the_null_path_is_judged_by_the_helo() -> None:
    zone: Zone = {("helo.test", "TXT"): [txt("v=spf1 ip4:192.0.2.1 -all")]}
    assert spf(zone, "") == "pass"
    assert spf(zone, "", helo="[192.0.2.1]") == "none"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=40), st.sampled_from(["192.0.2.1", "2001:db8::1"]))
def test_any_record_and_any_helo_give_a_result(text: str, helo: str, peer: str) -> None:
    words = {"pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"}
    assert spf(at(f"v=spf1 {text}"), peer=peer, helo=helo) in words
    assert spf(at("v=spf1 exists:%{h}.x.test -all"), peer=peer, helo=helo) in words


def test_the_suite_of_rfc_7208_passes_whole() -> None:
    wrong, count = [], 0
    for scenario in scenarios("spf/rfc7208-tests.yml"):
        ask = asking(_zone(scenario["zonedata"]))
        for name, test in scenario["tests"].items():
            allowed = test["result"] if isinstance(test["result"], list) else [test["result"]]
            found = check_spf(ask, test["host"], test["mailfrom"], test["helo"], US)
            count += 1
            if found not in allowed:
                wrong.append(f"{scenario['description']}: {name}: {found}, not {allowed}")
    assert not wrong
    assert count == 203


def _zone(zonedata: Mapping[str, list[Any]]) -> Zone:
    zone: Zone = {}
    for name, entries in zonedata.items():
        plain = str(name).lower()
        kinds = [kind for entry in entries if isinstance(entry, dict) for kind in entry]
        for entry in entries:
            if entry == "TIMEOUT":
                for kind in ("A", "AAAA", "MX", "PTR", "TXT"):
                    zone.setdefault((plain, kind), None)
                continue
            ((kind, value),) = entry.items()
            if kind == "SPF" and "TXT" not in kinds:
                kind = "TXT"
            if kind in ("A", "AAAA", "MX", "PTR", "TXT") and value != "NONE":
                zone.setdefault((plain, kind), [])
                found = zone[plain, kind]
                assert found is not None
                found.append(_value(kind, value))
    return _followed(zone, zonedata)


def _value(kind: str, value: Any) -> Any:
    match kind, value:
        case "TXT", list():
            return txt(*value)
        case "TXT", _:
            return txt(value)
        case "MX", [preference, host]:
            return record("MX", f"{preference} {str(host).rstrip('.')}.")
        case "PTR", _:
            return record("PTR", f"{str(value).rstrip('.')}.")
    return record(kind, str(value))


def _followed(zone: Zone, zonedata: Mapping[str, list[Any]]) -> Zone:
    """A resolver follows CNAMEs, and leaves a loop with no records."""
    for name, entries in zonedata.items():
        for entry in entries:
            if isinstance(entry, dict) and "CNAME" in entry:
                for kind in ("A", "AAAA", "MX", "PTR", "TXT"):
                    zone[str(name).lower(), kind] = zone.get((str(entry["CNAME"]).lower(), kind), [])
    return zone
