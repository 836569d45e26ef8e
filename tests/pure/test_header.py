"""mail/header: no value makes a line, every line fits, and broken headers are read as far as they go."""

from __future__ import annotations

from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.header import HEADER_LIMIT, Headers, encode, fold, neutral, split

FORBIDDEN = [
    "\r",
    "\n",
    "\0",
    "\x0b",
    "\x0c",
    "\x1b",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\ud800",
]


def value(octets: bytes, name: str) -> str:
    """What a reader makes of the written field."""
    assert octets.endswith(b"\r\n")
    found = Headers.of(octets + b"\r\n").all(name)
    assert len(found) == 1
    return str(make_header(decode_header(found[0])))


@pytest.mark.parametrize("char", FORBIDDEN)
@pytest.mark.parametrize("write", [encode, fold])
def test_security_10_a_control_character_is_refused_with_field_and_place(write: type, char: str) -> None:
    with pytest.raises(ValueError, match=rf"Subject: character U\+{ord(char):04X} at 3 "):
        write("Subject", f"ab{char}Bcc: eve@evil.test")


@pytest.mark.parametrize("char", FORBIDDEN)
def test_security_10_a_client_value_is_neutralised(char: str) -> None:
    assert neutral(f"a{char}b") == "a b"
    assert neutral("a\tб") == "a\tб"


def test_every_encoded_word_is_whole_characters() -> None:
    # RFC 2047 §5: readers decode each word by itself.
    words = encode("Subject", "aж漢🎉" * 40).decode().split(":")[1].split()
    assert len(words) > 5
    assert "".join(str(make_header(decode_header(word))) for word in words) == "aж漢🎉" * 40


@pytest.mark.parametrize("name", ["", "A B", "A:", "Ä", "A\r\nB", "x" * 77])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no header field name"):
        fold(name, "x")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300))
@settings(max_examples=200)
def test_free_text_decodes_to_itself_and_fits(text: str) -> None:
    octets = encode("Subject", text)
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    assert octets.isascii()
    assert all(line[:1] == b" " and line.strip() for line in octets.split(b"\r\n")[1:-1])
    assert value(octets, "Subject") == text.strip(" ")


@given(st.lists(st.text("ab,;<>@=?", min_size=1, max_size=90), min_size=1, max_size=12))
def test_folding_keeps_the_value(words: list[str]) -> None:
    octets = fold("List-Unsubscribe", "  ".join(words))
    assert Headers.of(octets).first("list-unsubscribe") == "  ".join(words)


def test_a_word_too_long_for_a_line_is_refused() -> None:
    assert len(fold("To", "x" * 994)) == 1000
    with pytest.raises(ValueError, match="To: a word of 99. octets"):
        fold("To", "x" * 995)


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"A: b\r\n\r\nbody", b"body"),
        (b"A: b\n\nbody", b"body"),
        (b"A: b\r\n\nbody", b"body"),
        (b"\r\nbody", b"body"),
        (b"\nbody", b"body"),
        (b"A: b\r\n", b""),
        (b"A: b\r\n \r\n\r\nbody", b"body"),
        (b"", b""),
    ],
)
def test_the_body_begins_after_the_first_blank_line(raw: bytes, body: bytes) -> None:
    assert raw[split(raw) :] == body


def test_values_are_found_unfolded_whatever_is_between() -> None:
    raw = b"From x\r\nSubject : one\r\n\ttwo\r\nno field\r\nX-A:\r\nx-a: 2\n"
    raw += b"X-A:caf\xe9\r\nX-B: \xc3\xa9\r\n\r\nX-A: body\r\n"
    headers = Headers.of(raw)
    assert headers.first("SUBJECT") == "one\ttwo"
    assert headers.all("x-a") == ["", "2", "café"]
    assert headers.first("x-b") == "é"
    assert headers.first("from") is None
    assert headers.all("none") == []


def test_of_an_endless_header_only_the_limit_is_read() -> None:
    raw = b"A: 1\r\n" + b"B: 2\r\n" * HEADER_LIMIT
    assert len(Headers.of(raw).all("b")) < HEADER_LIMIT // 5


@given(st.binary(max_size=80) | st.lists(st.sampled_from([b"A", b":", b" ", b"\r\n", b"\n", b"\xff"])).map(b"".join))
def test_reading_never_raises(raw: bytes) -> None:
    headers = Headers.of(raw)
    assert all(headers.all(name.decode()) for name in headers.fields)
