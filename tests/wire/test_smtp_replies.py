"""Replies that quote what a peer sent, and what a log says of peers that go away; inputs that a fuzzer once found."""

from __future__ import annotations

import pytest
from fuzz.session import Hall


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_a_command_with_half_a_line_end_in_it_makes_no_line_of_its_own(hall: Hall) -> None:
    said = hall.talk(b"EHLO a\r\n.\rRCPT TO:<c@ours.example>\r\n\x07x\r\nQUIT\r\n")
    assert b"\r" not in said.replace(b"\r\n", b"")
    assert b"\x07" not in said


def test_a_long_command_is_quoted_in_a_line_of_lawful_length(hall: Hall) -> None:
    said = hall.talk(b"V" + b"X" * 1500 + b"\r\nQUIT\r\n")
    assert max(map(len, said.splitlines(keepends=True))) <= 512


def test_a_peer_that_goes_away_in_its_message_is_no_error_of_ours(hall: Hall) -> None:
    hall.talk(
        b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<c@ours.example>\r\nDATA\r\nSubject: x\r\n\r\ny\rz\r\n\n.\r\nQUIT\r\n"
    )
    assert hall.log.errors == []
    assert hall.taken == []


def test_a_peer_that_goes_away_behind_forged_line_ends_ends_its_session(hall: Hall) -> None:
    # Its end comes while we wait for a silence; a session once swallowed that and answered 451 for ever.
    begun = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<c@ours.example>\r\nDATA\r\nSubject: x\r"
    assert b"451 " not in hall.talk(begun + b"X" * 41_000 + b"\n..y\r\n.\r\nQUIT\r\n")


def test_a_domain_of_half_line_ends_makes_no_line_of_its_own(hall: Hall) -> None:
    said = hall.talk(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@ours" + b"\r" * 100 + b"x>\r\nQUIT\r\n")
    assert b"\r" not in said.replace(b"\r\n", b"")
    assert any(line.startswith(b"5") and b"ours" in line for line in said.splitlines()), said
    assert max(map(len, said.splitlines(keepends=True))) <= 512
