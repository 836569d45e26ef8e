"""mail/verp: a token that was made reads back, through hosts that change case; no other one does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.verp import Purpose, Token, Tokens

TOKENS = Tokens(b"a secret of enough octets")
ROWS = st.integers(0, 2**64 - 1)


@given(ROWS)
def test_local_parts_survive_a_change_of_case(row: int) -> None:
    for made, purpose in (
        (TOKENS.reverse_path_local(row), Purpose.BOUNCE),
        (TOKENS.unsubscribe_local(row), Purpose.UNSUBSCRIBE),
    ):
        assert re.fullmatch(r"[a-z0-9+]{3,64}", made)
        assert all(TOKENS.read(text) == Token(purpose, row) for text in (made, made.upper(), made.title()))


@given(ROWS)
def test_links_and_message_ids_read_back_and_are_always_the_same(row: int) -> None:
    assert TOKENS.row_of_unsubscribe(TOKENS.unsubscribe(row)) == row
    made = TOKENS.message_id(row, "sample.test")
    assert made == Tokens(TOKENS.secret).message_id(row, "sample.test")
    assert re.fullmatch(r"<[a-z2-7]+@sample\.test>", made)
    for quoted in (made, made.strip("<>"), f" {made}\r\n", made.upper()):
        assert TOKENS.row_of_message_id(quoted) == row


@given(ROWS, st.integers(0, 31), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_with_one_letter_changed_is_no_token(row: int, at: int, letter: str) -> None:
    token = TOKENS.unsubscribe(row)
    changed = token[:at] + letter + token[at + 1 :]
    assert TOKENS.row_of_unsubscribe(changed) == (row if changed == token else None)
    local = TOKENS.reverse_path_local(row)[2:]
    forged = local[:at] + letter + local[at + 1 :]
    assert TOKENS.read(f"b+{forged}") == (Token(Purpose.BOUNCE, row) if forged == local else None)


def test_a_token_serves_its_own_purpose_only() -> None:
    bounce = TOKENS.reverse_path_local(7)
    assert TOKENS.read(bounce.replace("b+", "u+")) is None
    assert TOKENS.row_of_unsubscribe(bounce[2:]) is None
    assert TOKENS.row_of_message_id(f"<{bounce[2:]}@sample.test>") is None
    assert TOKENS.read(f"l+{TOKENS.unsubscribe(7)}") is None


def test_a_token_of_another_secret_is_no_token() -> None:
    assert Tokens(b"another secret, long too").read(TOKENS.reverse_path_local(7)) is None


@given(st.text(max_size=60) | st.from_regex(r"[bu]\+[a-z2-7]{30,34}", fullmatch=True))
@settings(max_examples=100)
def test_nothing_else_reads_or_raises(text: str) -> None:
    assert TOKENS.read(text) is None
    assert TOKENS.row_of_unsubscribe(text) is None
    assert TOKENS.row_of_message_id(text) is None


@pytest.mark.parametrize("row", [-1, 2**64])
def test_an_impossible_row_is_refused_by_name(row: int) -> None:
    with pytest.raises(ValueError, match=f"row id {row}"):
        TOKENS.unsubscribe(row)


def test_a_short_secret_is_refused_and_none_is_ever_shown() -> None:
    with pytest.raises(ValueError, match="5 octets"):
        Tokens(b"short")
    assert "secret" not in repr(TOKENS)
