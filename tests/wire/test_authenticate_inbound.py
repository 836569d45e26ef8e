"""SPF, DKIM and DMARC of mail on its way in, against zones and keys that the test makes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dkim
import pytest

from mail.dkim_sign import Key, Signer, dns_record, generate_keys, pem
from mta.inbound.authenticate import Authentication, Authenticator, Peer
from mta.inbound.dmarc_tally import DmarcTally
from net.resolver import Resolver
from peers import smtp_role
from policy.authentication import Disposition, DmarcResult, Override
from role.log import EventLog
from store.settings import Authentication as Rules

NOW = datetime.now(UTC)
BY_LIST = Rules()
UNUSED: Any = None
SILENT = DmarcTally(UNUSED, EventLog("mx"))  # never flushed
BODY = b"A line.\r\nAnother  line \t with blanks. \r\n"


@pytest.fixture(scope="module")
def keys() -> list[Key]:
    return list(generate_keys("one", "two"))


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory, keys: list[Key]) -> Iterator[Resolver]:
    signed = [
        (f"{key.selector}._domainkey.{domain}", "TXT", dns_record(key))
        for key in keys
        for domain in ("a.test", "b.test")
    ]
    records = [
        *signed,
        ("a.test", "TXT", "v=spf1 ip4:127.0.0.9 ip6:::9 -all"),
        ("_dmarc.a.test", "TXT", "v=DMARC1; p=reject; sp=quarantine"),
        ("_dmarc.b.test", "TXT", "v=DMARC1; p=none"),
        ("_dmarc.two.test", "TXT", "v=DMARC1; p=reject"),
        ("_dmarc.two.test", "TXT", "v=DMARC1; p=none"),
        ("_dmarc.sick.test", "TXT", "v=DMARC1; p=reject"),
        ("helo.test", "TXT", "v=spf1 ip4:127.0.0.9 -all"),
        ("plain.test", "A", "127.0.0.9"),
        ("9.0.0.127.in-addr.arpa", "PTR", "plain.test"),
        ("8.0.0.127.in-addr.arpa", "PTR", "plain.test"),
        ("_dmarc.tests.test", "TXT", "v=DMARC1; p=reject; t=y"),
        ("_dmarc.half.test", "TXT", "v=DMARC1; p=reject; pct=50"),
        ("_dmarc.org.walk.test", "TXT", "v=DMARC1; p=reject; psd=n"),
    ]
    faults = {"x._domainkey.sick.test": "SERVFAIL", "_dmarc.away.test": "SERVFAIL"}
    folder = tmp_path_factory.mktemp("authenticate")
    with smtp_role.name_server(folder, records, faults) as server:
        yield Resolver([server], timedelta(seconds=2))


def message(domain: str = "a.test", extra: bytes = b"", body: bytes = BODY) -> bytes:
    return b"From: Carl <carl@%s>\r\nTo: ann@ours.test\r\nSubject: x\r\n%s\r\n%s" % (domain.encode(), extra, body)


def judged(
    resolver: Resolver,
    content: bytes,
    reverse_path: str = "x@elsewhere.test",
    peer: str = "127.0.0.1",
    helo: str = "helo.test",
    rules: Rules = BY_LIST,
) -> Authentication:
    whole = Authenticator(resolver, "mx.ours.test", rules, b"k" * 32, SILENT)
    return whole.authenticate(Peer(peer, helo), reverse_path, content, NOW)


def signed(keys: list[Key], content: bytes, domain: str = "a.test") -> bytes:
    return Signer(domain, tuple(keys)).sign(content, NOW) + content


def test_our_own_two_signatures_pass_and_carry_dmarc(resolver: Resolver, keys: list[Key]) -> None:
    found = judged(resolver, signed(keys, message()))
    assert [(one.result, one.domain) for one in found.signatures] == [("pass", "a.test")] * 2
    assert found.verdict.result is DmarcResult.PASS
    assert not found.refused
    assert found.header.startswith(b"Authentication-Results: mx.ours.test;\r\n\tspf=none")
    assert found.header.count(b"dkim=pass header.d=a.test header.s=") == 2
    assert b"dmarc=pass header.from=a.test" in found.header


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (lambda mail: mail.replace(b"Another  line", b"Another line"), "pass"),
        (lambda mail: mail.replace(b"Another", b"Some"), "fail"),
        (lambda mail: mail.replace(b"Subject: x", b"Subject: y"), "fail"),
        (lambda mail: mail.replace(b"Subject: x", b"From: eve@evil.test\r\nSubject: x"), "fail"),
        (lambda mail: mail.replace(b"\tb=", b"\tnone="), "permerror"),
        (lambda mail: mail.replace(b"d=a.test", b"d=a.test;d=b.test"), "permerror"),
    ],
    ids=["blanks", "body", "subject", "second From", "no b=", "d= twice"],
)
def test_what_was_changed_on_the_way_is_told(resolver: Resolver, keys: list[Key], change: object, result: str) -> None:
    assert callable(change)
    found = judged(resolver, change(signed(keys, message())))
    assert {one.result for one in found.signatures} == {result}


def test_mail_that_nobody_stands_for_has_the_owners_disposition(resolver: Resolver) -> None:
    assert judged(resolver, message()).verdict.disposition is Disposition.REJECT
    assert judged(resolver, message("sub.a.test")).verdict.disposition is Disposition.QUARANTINE
    assert judged(resolver, message("b.test")).verdict.result is DmarcResult.FAIL
    assert judged(resolver, message("b.test")).verdict.disposition is Disposition.NONE
    assert judged(resolver, message("two.test")).verdict.result is DmarcResult.NONE
    assert judged(resolver, message("plain.test")).verdict.result is DmarcResult.NONE
    assert judged(resolver, message("away.test")).verdict.result is DmarcResult.TEMPERROR


def test_sampling_is_the_same_for_a_repeat_and_about_what_was_asked(resolver: Resolver) -> None:
    asked = [message("half.test", extra=b"X-Number: %d\r\n" % number) for number in range(60)]
    found = [judged(resolver, content).verdict.disposition for content in asked]
    assert found == [judged(resolver, content).verdict.disposition for content in asked]
    assert set(found) == {Disposition.REJECT, Disposition.QUARANTINE}


def test_by_tree_walk_a_deeper_organization_counts(resolver: Resolver) -> None:
    walking = Rules(organization="walk")
    assert judged(resolver, message("x.org.walk.test"), rules=walking).verdict.disposition is Disposition.REJECT
    assert judged(resolver, message("x.org.walk.test")).verdict.result is DmarcResult.NONE
    assert judged(resolver, message("tests.test"), rules=walking).verdict.override is Override.TEST_MODE


def test_a_trusted_sealers_word_outweighs_a_failure(resolver: Resolver, keys: list[Key]) -> None:
    content = b"Authentication-Results: mx.b.test; dmarc=pass header.from=a.test\r\n" + message()
    seals = b"".join(dkim.arc_sign(content, keys[0].selector.encode(), b"b.test", pem(keys[0]), b"mx.b.test"))
    assert judged(resolver, seals + content).refused
    found = judged(resolver, seals + content, rules=Rules(trusted_sealers=("b.test",)))
    assert (found.verdict.result, found.refused) == (DmarcResult.FAIL, False)
    assert found.verdict.override is Override.LOCAL_POLICY
    assert b'dmarc=fail reason="a trusted sealer vouches for it"' in found.header
    assert b"arc=pass" in found.header
    assert judged(resolver, seals + content + b"More.\r\n", rules=Rules(trusted_sealers=("b.test",))).refused


@pytest.mark.parametrize(
    ("peer", "result"), [("127.0.0.9", "pass"), ("127.0.0.8", "fail"), ("127.0.0.7", "permerror"), ("::9", "permerror")]
)
def test_the_name_of_the_peer_is_asked_for_its_address(resolver: Resolver, peer: str, result: str) -> None:
    found = judged(resolver, message("plain.test"), peer=peer)
    assert f"iprev={result}".encode() in found.header
    assert found.summary()["iprev"] == result


def test_spf_passes_for_its_addresses_and_the_null_path_is_the_helos(resolver: Resolver) -> None:
    assert judged(resolver, message(), "x@a.test", "127.0.0.9").spf.result == "pass"
    assert judged(resolver, message(), "x@a.test", "::9").spf.result == "pass"
    assert judged(resolver, message(), "x@a.test", "127.0.0.9").verdict.result is DmarcResult.PASS
    assert judged(resolver, message(), "x@a.test", "127.0.0.8").spf.result == "fail"
    helo = judged(resolver, message(), "", "127.0.0.9")
    assert (helo.spf.result, helo.spf.domain) == ("pass", "helo.test")
    assert b"smtp.helo=helo.test" in helo.header


def test_another_domains_signature_does_not_align(resolver: Resolver, keys: list[Key]) -> None:
    found = judged(resolver, signed(keys, message(), "b.test"))
    assert {one.result for one in found.signatures} == {"pass"}
    assert found.verdict.disposition is Disposition.REJECT


def test_a_key_that_cannot_be_had_for_now_refuses_nothing(resolver: Resolver, keys: list[Key]) -> None:
    content = signed(keys, message("sick.test"), "sick.test").replace(b"s=" + keys[0].selector.encode(), b"s=x")
    found = judged(resolver, content)
    assert "temperror" in {one.result for one in found.signatures}
    assert found.verdict.result is DmarcResult.TEMPERROR
    assert not found.refused


def test_security_08_a_signature_with_l_is_no_pass(resolver: Resolver, keys: list[Key]) -> None:
    content = message()
    header = dkim.sign(content, b"one", b"a.test", pem(keys[0]), canonicalize=(b"relaxed", b"relaxed"), length=True)
    found = judged(resolver, header + content + b"Buy this instead.\r\n")
    assert [one.result for one in found.signatures] == ["policy"]
    assert found.verdict.disposition is Disposition.REJECT


def test_three_signatures_are_verified_of_however_many_there_are(resolver: Resolver, keys: list[Key]) -> None:
    content = message()
    header = Signer("a.test", tuple(keys)).sign(content, NOW)
    assert len(judged(resolver, header * 20 + content).signatures) == 3


@pytest.mark.alone
def test_security_13_blanks_without_end_cost_no_time(resolver: Resolver, keys: list[Key]) -> None:
    content = message(body=b"x" + b" " * 400_000 + b"y\r\n")
    began = time.monotonic()
    assert {one.result for one in judged(resolver, signed(keys, content)).signatures} == {"pass"}
    assert time.monotonic() - began < 2


def test_security_09_hostile_tags_end_in_a_result(resolver: Resolver) -> None:
    for value in (
        b"",
        b"b=",
        b"v=1; b=A",
        b"v=1; a=rsa-sha256; b=A; bh=A; d=a.test; h=from; s=x",
        b"=;=;",
        b"\xff=\xff",
        b"v=1;" * 5000,
    ):
        found = judged(resolver, b"DKIM-Signature: " + value + b"\r\n" + message())
        assert all(one.result in ("permerror", "fail") for one in found.signatures)


def test_a_large_message_is_verified_and_refused_as_a_small_one(resolver: Resolver, keys: list[Key]) -> None:
    content = signed(keys, message(body=b"line\r\n" * 200_000))
    assert judged(resolver, content).verdict.result is DmarcResult.PASS
    assert judged(resolver, content + b"More.\r\n").refused


def test_what_a_peer_chose_cannot_write_into_our_header(resolver: Resolver) -> None:
    found = judged(resolver, message(), '"x;dmarc=pass"@plain.test', helo="a;dmarc=pass")
    assert found.header.count(b"dmarc=") == 2
    assert b"\n\tdmarc=pass" not in found.header
