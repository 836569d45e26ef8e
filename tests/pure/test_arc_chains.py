"""ARC chains (RFC 8617): whether they hold, whom they name, and what an operator's trust makes of them."""

from __future__ import annotations

import re
from functools import lru_cache

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.dkim_sign import Key, dns_record, generate_keys, pem
from mta.inbound.arc_check import LONGEST, check_arc
from mta.inbound.lookups import Ask
from peers.auth_corpus import asking, scenarios, txt
from policy.trusted_sealers import UNSEALED, Chain, vouched_for

MAIL = b"From: Carl <carl@a.test>\r\nTo: list@l.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n\r\nBody.\r\n"
SAW = b"Authentication-Results: mx.%s; arc=%s; dmarc=%s header.from=a.test\r\n"


@lru_cache
def key() -> Key:
    return generate_keys("seal", "ed")[0]


def sealed(content: bytes, domain: str, saw: str = "pass") -> bytes:
    arc = b"pass" if b"ARC-Seal" in content else b"none"
    content = SAW % (domain.encode(), arc, saw.encode()) + content
    lines = dkim.arc_sign(content, b"seal", domain.encode(), pem(key()), b"mx." + domain.encode())
    return b"".join(lines) + content


@lru_cache
def zone() -> Ask:
    record = txt(dns_record(key()))
    return asking({(f"seal._domainkey.{domain}", "TXT"): [record] for domain in ("l.test", "m.test")})


def test_a_chain_that_holds_names_its_sealers_and_what_they_saw() -> None:
    once = sealed(MAIL, "l.test")
    assert check_arc(zone(), once) == Chain("pass", ("l.test",), frozenset({"a.test"}))
    twice = sealed(once, "m.test", "fail")
    assert check_arc(zone(), twice) == Chain("pass", ("m.test", "l.test"), frozenset({"a.test"}))
    assert check_arc(zone(), sealed(MAIL, "l.test", "fail")).vouched == frozenset()
    assert check_arc(zone(), MAIL) is UNSEALED


@pytest.mark.parametrize(
    ("what", "by"),
    [
        (b"Body.", b"Other."), (b"dmarc=pass", b"dmarc=fail"), (b"i=1", b"i=2"), (b"cv=none", b"cv=pass"),
        (b"l.test;", b"m.test;"),
    ],
)  # fmt: skip
def test_what_was_changed_behind_the_seal_breaks_it(what: bytes, by: bytes) -> None:
    assert check_arc(zone(), sealed(MAIL, "l.test").replace(what, by)).result == "fail"


def test_a_vouching_line_that_no_seal_covers_counts_for_nothing() -> None:
    extra = b"ARC-Authentication-Results: i=0; evil.test; dmarc=pass header.from=bank.test\r\n"
    assert "bank.test" not in check_arc(zone(), extra + sealed(MAIL, "l.test")).vouched


def test_security_13_a_chain_without_end_is_not_looked_at() -> None:
    asked: list[str] = []

    def ask(name: str, kind: str) -> None:
        asked.append(name)

    content = b"".join(b"ARC-Seal: i=%d; a=rsa-sha256\r\n" % n for n in range(LONGEST + 1)) + MAIL
    assert (check_arc(ask, content).result, asked) == ("fail", [])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"Seal", b"Message-Signature", b"Authentication-Results"]))
def test_security_09_any_tags_end_in_a_result(octets: bytes, name: bytes) -> None:
    changed = re.sub(rb"ARC-" + name + rb":[^;]*;", b"ARC-" + name + b": " + octets.replace(b"\\", b"") + b";",
                     sealed(MAIL, "l.test"), count=1)  # fmt: skip
    assert check_arc(zone(), changed).result in ("pass", "fail", "none")


@pytest.mark.parametrize(
    ("chain", "trusted", "forgiven"),
    [
        (Chain("pass", ("l.test",), frozenset({"a.test"})), ("l.test",), True),
        (Chain("pass", ("l.test", "m.test"), frozenset({"a.test"})), ("l.test", "m.test", "n.test"), True),
        (Chain("pass", ("l.test", "evil.test"), frozenset({"a.test"})), ("l.test",), False),
        (Chain("pass", ("l.test",), frozenset({"b.test"})), ("l.test",), False),
        (Chain("pass", ("l.test",), frozenset({"a.test"})), (), False),
        (Chain("fail", (), frozenset()), ("l.test",), False),
        (Chain("pass", (), frozenset({"a.test"})), ("l.test",), False),
    ],
)
def test_only_a_chain_of_trusted_sealers_who_saw_it_pass_forgives(
    chain: Chain, trusted: tuple[str, ...], forgiven: bool
) -> None:
    assert vouched_for(chain, "a.test", trusted) is forgiven


def test_the_suite_for_validation_passes_whole() -> None:
    wrong, count = [], 0
    for scenario in scenarios("arc/arc-draft-validation-tests.yml"):
        ask = asking({(name.lower(), "TXT"): [txt(text)] for name, text in (scenario["txt-records"] or {}).items()})
        for name, test in scenario["tests"].items():
            content = re.sub(rb"\r?\n", b"\r\n", test["message"].encode())
            # Empty where a seal itself says that the chain had failed before it: for us that is a failure.
            expected = (test["cv"] or "Fail").lower()
            found = check_arc(ask, content).result
            count += 1
            if found != expected:
                wrong.append(f"{scenario['description']}: {name}: {found}, not {expected}")
    assert not wrong
    assert count == 171
