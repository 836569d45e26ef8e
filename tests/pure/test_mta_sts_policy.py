"""MTA-STS records and policies as RFC 8461 writes them, and what is none."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.mta_sts import Mode, identity, parse

MX = b"mx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\n"
GOOD = b"version: STSv1\nmode: enforce\n" + MX + b"max_age: 604800\n"


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1; ext=x; id=1; more=y"], "1"),
        (["something else", "v=STSv1; id=1;"], "1"),
        (["v=STSv1; id=1;", "v=STSv1; id=2;"], None),
        (["v=STSv1;"], None),
        (["v=STSv1; id=with space;"], None),
        (["v=STSv1; id=" + "1" * 33], None),
        (["id=1; v=STSv1"], None),
        (["v=STSv2; id=1"], None),
        ([], None),
    ],
)
def test_a_record_tells_its_id_or_is_none(records: list[str], told: str | None) -> None:
    assert identity(records) == told


def test_a_policy_is_read() -> None:
    for octets in (GOOD, GOOD.replace(b"\n", b"\r\n"), GOOD.rstrip() + b"\nfuture: x\nmode: none\n"):
        policy = parse(octets)
        assert (policy.mode, policy.max_age) == (Mode.ENFORCE, timedelta(days=7))
        assert policy.mx == ("mail.example.com", "*.example.net", "backupmx.example.com")


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("mail.example.com", True),
        ("MAIL.Example.COM.", True),
        ("x.example.net", True),
        ("example.net", False),
        ("a.b.example.net", False),
        ("x.mail.example.com", False),
        ("mail.example.com.evil.test", False),
        ("", False),
    ],
)
def test_security_24_a_wildcard_stands_for_one_label_and_names_are_whole(host: str, covered: bool) -> None:
    assert parse(GOOD).covers(host) is covered


@pytest.mark.parametrize(
    ("mx", "host"), [("mx.bücher.test", "mx.xn--bcher-kva.test"), ("*.Bücher.test", "a.xn--bcher-kva.test")]
)
def test_security_24_a_policy_may_write_its_hosts_either_way(mx: str, host: str) -> None:
    assert parse(GOOD.replace(b"mail.example.com", mx.encode())).covers(host)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"STSv1", b"STSv2"), "version"),
        ((b"enforce", b"Enforced"), "mode"),
        ((b"max_age: 604800", b""), "max_age"),
        ((b"604800", b"-1"), "max_age"),
        ((b"604800", b"9" * 11), "max_age"),
        ((b"mx:", b"mxx:"), "no mx"),
        ((b"mail", b"\xff"), "UTF-8"),
        ((b"mail.example.com", "x..б".encode()), "no host name"),
    ],
)
def test_what_is_no_policy_says_why(change: tuple[bytes, bytes], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(GOOD.replace(*change))


def test_a_policy_holds_for_a_year_at_most() -> None:
    assert parse(GOOD.replace(b"604800", b"9999999999")).max_age == timedelta(seconds=31_557_600)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_whatever_a_domain_serves_is_a_policy_or_a_value_error(octets: bytes) -> None:
    for served in (octets, GOOD + octets):
        with suppress(ValueError):
            parse(served)
