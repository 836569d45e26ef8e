"""The bounded walk: lenient with sloppy mail, deaf to hostile mail, never into a returned message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.parts import (
    DEPTH_LIMIT,
    PARTS_LIMIT,
    UnparsableError,
    decoded_words,
    header_fields,
    media_type,
    parameter,
    parse,
    without_tags,
)

TWO_PARTS = (
    b"From ann@site.example  Mon Nov  2 10:00:00 2026\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b'Content-Type: multipart/mixed;\r\n\tboundary="a b"\r\n'
    b"\r\npreamble\r\n"
    b"--a b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    b"\r\nGr=FC=DFe\r\n"
    b"--a b  \r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\nx\r\n"
)


def test_parts_are_split_decoded_and_the_returned_message_is_left_whole() -> None:
    parsed = parse(TWO_PARTS)
    assert parsed.types == ("multipart/mixed", "text/plain", "message/rfc822")
    assert parsed.headers.words("subject") == "Grüße"
    assert parsed.plain() == "Grüße"
    assert parsed.leaves[1].content.startswith(b"Content-Type: multipart/mixed")


def test_base64_without_padding_and_with_rubbish_is_read() -> None:
    raw = b"Content-Transfer-Encoding: base64\n\naGVsbG8g\n*d29ybGQ\n"
    assert parse(raw).plain() == "hello world"


def test_an_empty_part_and_a_missing_end_are_no_trouble() -> None:
    parsed = parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\nlast")
    assert [leaf.content for leaf in parsed.leaves] == [b"", b"last"]


def test_a_part_without_a_header_is_all_text() -> None:
    assert (
        parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nword: one\n\ntwo\n--b--").plain()
        == "word: one\n\ntwo"
    )


@pytest.mark.parametrize("lead", [b"\r\n\n", b"From a@b.example Mon Nov  2 10:00:00 2026\n", b"\n>From a\r\n"])
def test_what_stands_before_the_header_is_passed_over(lead: bytes) -> None:
    assert parse(lead + b"Subject: x\n\ny").headers.get("subject") == "x"


def test_a_multipart_without_its_delimiter_is_read_as_text() -> None:
    assert "still here" in parse(b"Content-Type: multipart/mixed; boundary=b\n\nstill here\n").plain()


def test_a_page_loses_its_tags_but_no_address() -> None:
    page = "<p>to <b>&lt;ann@site.example&gt;</b><br><bob@site.example>: gone</p>"
    assert without_tags(page).split("\n") == ["", "to <ann@site.example>", "<bob@site.example>: gone", ""]


@pytest.mark.parametrize("charset", ["utf-7", "idna", "punycode", "no-such", "unicode_escape", "", "zlib"])
def test_a_charset_out_of_the_list_is_read_as_it_stands(charset: str) -> None:
    raw = f"Content-Type: text/plain; charset={charset}\n\n+2AA-plain".encode()
    assert parse(raw).plain() == "+2AA-plain"


def test_nul_never_reaches_a_text() -> None:
    parsed = parse(b"Subject: a\0b\nContent-Type: text/plain; charset=us-ascii\n\nc\0d")
    assert (parsed.headers.get("subject"), parsed.plain()) == ("a\ufffdb", "c\ufffdd")


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        ('multipart/report; boundary="a\\"b"; x=1', "boundary", 'a"b'),
        ("multipart/report;BOUNDARY=abc;x=1", "boundary", "abc"),
        ("multipart/report; xboundary=abc", "boundary", ""),
        ("", "boundary", ""),
    ],
)
def test_a_parameter_is_unquoted(value: str, name: str, expected: str) -> None:
    assert parameter(value, name) == expected


def test_a_media_type_without_its_semicolon_is_known() -> None:
    assert media_type('text/plain charset="utf-8"') == "text/plain"
    assert media_type("nonsense") == "text/plain"


@pytest.mark.parametrize("value", ["=?utf-8?b?!!!?=", "=?nope?q?a?=", "=?utf-8?q?", "plain"])
def test_broken_encoded_words_are_no_error(value: str) -> None:
    assert isinstance(decoded_words(value), str)


def test_too_much_of_anything_is_unparsable_and_says_so() -> None:
    nested = b"".join(
        b'--b%d\nContent-Type: multipart/mixed; boundary="b%d"\n\n' % (level, level + 1)
        for level in range(DEPTH_LIMIT + 1)
    )
    hostile = {
        "header block": b"X: " + b"a" * 300_000 + b"\n\n",
        "fields": b"X: a\n" * 6_000 + b"\n",
        "parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * (PARTS_LIMIT + 5),
        "deeper": b"Content-Type: multipart/mixed; boundary=b0\n\n" + nested,
    }
    for what, raw in hostile.items():
        with pytest.raises(UnparsableError, match=what):
            parse(raw)


@settings(max_examples=100)
@given(st.binary(max_size=2_000) | st.builds(lambda tail: TWO_PARTS + tail, st.binary(max_size=300)))
def test_any_bytes_are_parsed_or_unparsable(raw: bytes) -> None:
    try:
        parsed = parse(raw)
    except UnparsableError:
        return
    assert isinstance(parsed.plain(), str)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.from_regex(r"[A-Za-z-]{1,20}", fullmatch=True), st.from_regex(r"[ -~]{0,40}", fullmatch=True)),
        max_size=8,
    )
)
def test_written_fields_are_read_back(fields: list[tuple[str, str]]) -> None:
    block = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    assert header_fields(block).fields == tuple((name.lower(), value.strip()) for name, value in fields)
