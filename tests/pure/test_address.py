"""mail/address: what RFC 5321 allows is read, what it forbids is refused by name, what is shown parses back."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.address import Address, display, parse_mailbox
from mail.header import fold


@pytest.mark.parametrize(
    ("text", "local", "domain", "written"),
    [
        ("ann@example.com", "ann", "example.com", "ann@example.com"),
        ("Ann.B+x@Example.COM", "Ann.B+x", "Example.COM", "Ann.B+x@example.com"),
        ('"a b"@example.com', "a b", "example.com", '"a b"@example.com'),
        ('"a@b"@example.com', "a@b", "example.com", '"a@b"@example.com'),
        (r'"a\"b\\c"@example.com', r'a"b\c', "example.com", r'"a\"b\\c"@example.com'),
        ('"ann"@example.com', "ann", "example.com", "ann@example.com"),
        ('""@example.com', "", "example.com", '""@example.com'),
        ("почта@пример.рф", "почта", "пример.рф", "почта@xn--e1afmkfd.xn--p1ai"),
        ("a@münchen.example", "a", "münchen.example", "a@xn--mnchen-3ya.example"),
        ("postmaster@[127.0.0.1]", "postmaster", "[127.0.0.1]", "postmaster@[127.0.0.1]"),
        ("a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]", "a@[ipv6:2001:db8::1]"),
        ("a@localhost", "a", "localhost", "a@localhost"),
        (f"{'a' * 64}@example.com", "a" * 64, "example.com", f"{'a' * 64}@example.com"),
        (
            "a!#$%&'*+-/=?^_`{|}~b@example.com",
            "a!#$%&'*+-/=?^_`{|}~b",
            "example.com",
            "a!#$%&'*+-/=?^_`{|}~b@example.com",
        ),
    ],
)
def test_what_may_be_written_is_read(text: str, local: str, domain: str, written: str) -> None:
    address = parse_mailbox(text)
    assert (address.local, address.domain, str(address)) == (local, domain, written)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "no @"),
        ("ann", "no @"),
        ("@example.com", "nothing before"),
        ("ann@", "nothing after"),
        (".ann@example.com", "a dot"),
        ("ann.@example.com", "a dot"),
        ("a..b@example.com", "a dot"),
        ("a b@example.com", "character ' '"),
        ("a,b@example.com", "character ','"),
        ("<a@example.com>", "character '<'"),
        ("a@b@example.com", "more than one @"),
        ('"a@example.com', "not closed"),
        ('"a\r\nb"@example.com', "control character"),
        ("a\x00@example.com", "character"),
        ("a\udc80@example.com", "character"),
        ("a@exa mple.com", "no host name label"),
        ("a@example.com\r\nRCPT TO:<b@example.com>", "more than one @"),
        ("a@example.com\n", "no host name label"),
        ("a@-x.com", "no host name label"),
        ("a@x..com", "a dot"),
        ("a@.x.com", "a dot"),
        ("a@x.com.", "a dot"),
        (f"a@{'x' * 64}.com", "longer than 63"),
        (f"{'a' * 65}@example.com", "more than 64 octets"),
        (f"{'ж' * 33}@example.com", "more than 64 octets"),
        (f"{'a' * 64}@{'.'.join(['x' * 60] * 3)}.comm.example", "longer than 254"),
        ("a@[127.0.0.300]", "no address literal"),
        ("a@[127.0.0.1", "no address literal"),
        ("a@\u2028.com", "domain"),
        ("a@xn--\ud7ff.com", "domain"),
    ],
)
def test_every_mistake_is_named(text: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake):
        parse_mailbox(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann@Example.com", "ann@EXAMPLE.COM", True),
        ('"ann"@example.com', "ann@example.com", True),
        ("a@пример.рф", "a@xn--e1afmkfd.xn--p1ai", True),
        ("a@ПРИМЕР.рф", "a@пример.рф", True),
        ("a.b@example.com", "ab@example.com", False),
    ],
)
def test_spellings_of_one_address_normalise_to_one_text(one: str, other: str, same: bool) -> None:
    assert (parse_mailbox(one).normalised == parse_mailbox(other).normalised) is same


def test_only_the_local_part_asks_for_smtputf8() -> None:
    assert parse_mailbox("почта@example.com").internationalised
    assert not parse_mailbox("a@пример.рф").internationalised


@given(
    st.text(st.characters(max_codepoint=0x2FF), max_size=20), st.sampled_from(["example.com", "[127.0.0.1]", "é.test"])
)
@settings(max_examples=300)
def test_what_is_read_is_written_so_that_it_reads_the_same(local: str, domain: str) -> None:
    try:
        address = parse_mailbox(f"{local}@{domain}")
    except ValueError:
        return
    again = parse_mailbox(str(address))
    assert (again.local, again.ascii_domain) == (address.local, address.ascii_domain)
    assert not any(char in str(address) for char in "\r\n\0")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "ann@example.com"),
        ("  ", "ann@example.com"),
        ("Ann Lee", "Ann Lee <ann@example.com>"),
        ("Lee, Ann", '"Lee, Ann" <ann@example.com>'),
        ('The "Boss" \\o/', '"The \\"Boss\\" \\\\o/" <ann@example.com>'),
        ("Анна", "=?utf-8?b?0JDQvdC90LA=?= <ann@example.com>"),
        ("Zoë Lee", "=?utf-8?q?Zo=C3=AB_Lee?= <ann@example.com>"),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <ann@example.com>"),
        ("boss@bank.test", '"boss@bank.test" <ann@example.com>'),
    ],
)
def test_a_name_is_quoted_or_encoded_as_it_needs(name: str, shown: str) -> None:
    assert display(name, Address("ann", "example.com")) == shown


@pytest.mark.parametrize("evil", ["\r", "\n", "\0", "\u2028", "\u2029", "\x1c", "\x85", "\x7f", "\udc80"])
def test_security_10_a_display_name_with_a_control_character_is_refused(evil: str) -> None:
    with pytest.raises(ValueError, match=r"display name: character U\+"):
        display(f"Ann{evil}Lee", Address("ann", "example.com"))


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], max_codepoint=0x4FF), max_size=14))
@settings(max_examples=200)
def test_a_shown_address_parses_back(name: str) -> None:
    # 14 letters make one encoded word: the library's parser reads a name of several with blanks between.
    line = fold("From", display(name, Address("a b", "example.com")))
    header = email.message_from_bytes(line + b"\r\n", policy=email.policy.default)["From"]
    assert [one.addr_spec for one in header.addresses] == ['"a b"@example.com']
    assert " ".join(header.addresses[0].display_name.split()) == " ".join(name.split())
