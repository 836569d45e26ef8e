"""MAIL and RCPT as clients write them, and as attackers do: an address of ours, or a reply that says what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.address import Address
from mta.authors import addresses
from mta.inbound.authenticate import author_domains
from mta.smtp_command import BadCommand, Envelope, read_mail, read_rcpt


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<ann@ours.test>", Envelope(Address("ann", "ours.test"), 0, internationalised=False)),
        (
            "from: <ann@ours.test> SIZE=12 body=8bitmime",
            Envelope(Address("ann", "ours.test"), 12, internationalised=False),
        ),
        ("FROM:<>", Envelope(None, 0, internationalised=False)),
        ('FROM:<"a b>c"@ours.test>', Envelope(Address("a b>c", "ours.test"), 0, internationalised=False)),
        ("FROM:<@relay.test,@b.test:ann@ours.test>", Envelope(Address("ann", "ours.test"), 0, internationalised=False)),
        ("FROM:<jörg@ours.test> SMTPUTF8", Envelope(Address("jörg", "ours.test"), 0, internationalised=True)),
        ("FROM:<ann@ours.test> AUTH=<>", Envelope(Address("ann", "ours.test"), 0, internationalised=False)),
    ],
)
def test_mail_is_read(argument: str, expected: Envelope) -> None:
    assert read_mail(argument, 1000, extended=True) == expected


@pytest.mark.parametrize(
    ("argument", "refusal"),
    [
        (None, "501 5.5.2"),
        ("TO:<ann@ours.test>", "501 5.5.2"),
        ("FROM:ann@ours.test", "501 5.5.2"),
        ("FROM:<ann@ours.test", "501 5.5.2"),
        ("FROM:<ann@ours.test>x", "501 5.5.2"),
        ("FROM:<ann>", "553 5.1.7"),
        ("FROM:<ann@ours.test> SIZE=1001", "552 5.3.4"),
        ("FROM:<ann@ours.test> SIZE=x", "501 5.5.4"),
        ("FROM:<ann@ours.test> SIZE=٣", "501 5.5.4"),
        ("FROM:<ann@ours.test> SIZE=1 SIZE=2", "501 5.5.4"),
        ("FROM:<ann@ours.test> BODY=BINARYMIME", "501 5.5.4"),
        ("FROM:<ann@ours.test> RET=HDRS", "555 5.5.4"),
        ("FROM:<jörg@ours.test>", "553 5.6.7"),
        ("FROM:<a\udcff@ours.test> SMTPUTF8", "553 5.1.7"),
    ],
)
def test_mail_that_is_wrong_names_the_mistake(argument: str | None, refusal: str) -> None:
    with pytest.raises(BadCommand) as bad:
        read_mail(argument, 1000, extended=True)
    assert bad.value.reply.startswith(refusal)


def test_the_postmaster_needs_no_domain_and_rcpt_no_parameters() -> None:
    assert read_rcpt("TO:<PostMaster>", extended=True, internationalised=False) is None
    with pytest.raises(BadCommand, match="555"):
        read_rcpt("TO:<ann@ours.test> NOTIFY=NEVER", extended=True, internationalised=False)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_no_argument_raises_anything_but_a_reply_of_one_line(argument: str, extended: bool) -> None:
    for text in (argument, f"FROM:{argument}", f"TO:<{argument}>", f"FROM:<{argument}> {argument}"):
        for read in (lambda one: read_mail(one, 10, extended), lambda one: read_rcpt(one, extended, False)):
            try:
                read(text)
            except BadCommand as bad:
                assert bad.reply[:3].isdigit()
                assert "\n" not in bad.reply
                assert "\r" not in bad.reply


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@ours.test", ["ann@ours.test"]),
        ('"Ann, of Ours" <ann@ours.test>', ["ann@ours.test"]),
        ('"eve@evil.test" <ann@ours.test>', ["ann@ours.test"]),
        ("ann@ours.test (eve@evil.test (nested))", ["ann@ours.test"]),
        ("a@x.test, B <b@y.test>", ["a@x.test", "b@y.test"]),
        ("Team: a@x.test, b@y.test;", ["a@x.test", "b@y.test"]),
        ("<a@x.test> <b@y.test>", ["a@x.test", "b@y.test"]),
        ('"a b"@x.test', ['"a b"@x.test']),
        ("undisclosed:;", []),
        ("", []),
    ],
)
def test_the_authors_of_a_from(value: str, expected: list[str]) -> None:
    assert addresses(value) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='<>(),;:"\\@ab. \t', max_size=60))
def test_any_from_is_read_to_its_end(value: str) -> None:
    assert all(address for address in addresses(value))


@pytest.mark.parametrize("domain", ["b\u00fccher.test", "B\u00dcCHER.test", "xn--bcher-kva.test", "XN--BCHER-KVA.TEST"])
def test_security_24_an_author_in_either_spelling_aligns_as_one_domain(domain: str) -> None:
    assert author_domains(f"From: Carl <carl@{domain}>\r\n\r\n".encode()) == ["xn--bcher-kva.test"]
