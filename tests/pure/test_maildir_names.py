"""Flags, sizes and folders as a Maildir has them in its names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mail import maildir


def test_flags_are_letters_and_keywords_have_numbers() -> None:
    named = maildir.keywords_of("0 $Label1\n2 work\nx y\n99 far\n")
    assert named == ["$Label1", "", "work"]
    assert maildir.flags_of("1.M1.host,S=5:2,PRSacz", named) == (
        "$Forwarded",
        "\\Answered",
        "\\Seen",
        "$Label1",
        "work",
    )
    assert maildir.flags_of("1.M1.host", named) == ()
    numbers = {"$Label1": 0, "work": 2}
    assert maildir.letters_of(["\\Seen", "work", "$Forwarded", "unnumbered"], numbers) == "PSc"
    assert maildir.keywords_of(maildir.keywords_text(numbers)) == named


@given(st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b"\r", b"\r\r\n"])).map(b"".join))
def test_octets_come_back_whatever_their_line_ends(octets: bytes) -> None:
    content = maildir.content_of(octets)
    assert maildir.octets_of(content, f"1.V1U1.host,S={len(content)},W={len(octets)}:2,S") == octets


def test_a_file_without_sizes_has_crlf_put_in() -> None:
    assert maildir.octets_of(b"a: b\n\nc\n", "1.host:2,") == b"a: b\r\n\r\nc\r\n"
    assert maildir.octets_of(b"a: b\r\n", "1.host:2,") == b"a: b\r\n"


def test_folders_are_dotted_utf7() -> None:
    assert maildir.directory_of("Entwürfe/a.b", "/") == ".Entw&APw-rfe.a\\2eb"
    assert maildir.folder_of(".Entw&APw-rfe.a\\2eb", "/") == "Entwürfe/a.b"
    assert maildir.folder_of(".broken&-&x", "/") == "broken&-&x"
