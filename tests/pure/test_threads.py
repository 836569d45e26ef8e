"""Threads are those of RFC 5256 §3, whatever the references are; a tree is written as its §4 has it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.header import Headers
from mail.sort_keys import sort_keys
from mail.threads import DEPTH, Node, Threaded, by_references, by_subject, written


def mail(number: int, identity: str = "", references: str = "", subject: str = "", sent: int | None = None) -> Threaded:
    """`references`: single letters, the last the parent."""
    block = f"Subject: {subject}\r\nReferences: {' '.join(f'<{one}@x>' for one in references)}\r\n"
    block += f"Message-ID: <{identity}@x>\r\n" if identity else ""
    keys = sort_keys(Headers.of(block.encode() + b"\r\n"))
    return Threaded(number, number if sent is None else sent, keys)


def shown(threads: list[Node]) -> str:
    return b"".join(written(threads)).decode()


@pytest.mark.parametrize(
    ("mails", "threads"),
    [
        ([], ""),
        ([mail(1, "a"), mail(2, "b")], "(1)(2)"),
        ([mail(1, "a"), mail(2, "b", "a"), mail(3, "c", "ab")], "(1 2 3)"),
        ([mail(1, "c", "ab"), mail(2, "b", "a"), mail(3, "a")], "(3 2 1)"),
        # Two answers to one mail are siblings, by date.
        ([mail(1, "a"), mail(2, "b", "a", sent=9), mail(3, "c", "a", sent=5)], "(1 (3)(2))"),
        ([mail(1, "a"), mail(2, "b", "a"), mail(3, "c", "ab"), mail(4, "d", "a")], "(1 (2 3)(4))"),
        # A mail that is not here holds its answers together; with one answer it is left out.
        ([mail(1, "b", "a"), mail(2, "c", "a")], "((1)(2))"),
        ([mail(1, "b", "a")], "(1)"),
        ([mail(1, "c", "ab"), mail(2, "d", "ab")], "((1)(2))"),
        # Threads of one subject are one.
        ([mail(1, "a", subject="hi"), mail(2, "b", subject="Re: hi")], "(1 2)"),
        ([mail(1, "a", subject="Re: hi"), mail(2, "b", subject="hi")], "(2 1)"),
        ([mail(1, "a", subject="hi"), mail(2, "b", subject="hi")], "((1)(2))"),
        ([mail(1, "a", subject="hi"), mail(2, "b", subject="hi"), mail(3, "c", subject="Re: hi")], "((1)(2)(3))"),
        ([mail(1, "b", "a", "Re: hi"), mail(2, "c", "a"), mail(3, "d", subject="hi")], "((1)(2)(3))"),
        ([mail(1, "a"), mail(2, "b", subject="")], "(1)(2)"),
        # Two mails with one id: the second has none.
        ([mail(1, "a"), mail(2, "a"), mail(3, "b", "a")], "(1 3)(2)"),
        # No loop, whoever refers to whom; nobody is lost.
        ([mail(1, "a", "a")], "(1)"),
        ([mail(1, "a", "b"), mail(2, "b", "a")], "(2 1)"),
        ([mail(1, "a", "bc"), mail(2, "b", "ca"), mail(3, "c", "ab")], "(2 3 1)"),
    ],
)
def test_references(mails: list[Threaded], threads: str) -> None:
    assert shown(by_references(mails)) == threads


def test_ordered_subject() -> None:
    mails = [
        mail(1, subject="b", sent=5), mail(2, subject="Re: a", sent=4), mail(3, subject="a", sent=1),
        mail(4, subject="[l] A", sent=9), mail(5, subject="Fwd: b", sent=7),
    ]  # fmt: skip
    assert shown(by_subject(mails)) == "(3 (2)(4))(1 5)"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.text("abcdefg", max_size=4), st.sampled_from(["", "x", "re: x", "y"])),
        max_size=12,
    )
)
def test_every_mail_is_in_one_thread(rows: list[tuple[str, str, str]]) -> None:
    mails = [mail(number, *row) for number, row in enumerate(rows, 1)]
    for threads in (by_references(mails), by_subject(mails)):
        told = [int(word) for word in re.findall(r"\d+", shown(threads))]
        assert sorted(told) == list(range(1, len(mails) + 1))
        assert shown(threads).count("(") == shown(threads).count(")")


def test_a_chain_as_long_as_the_folder_is_cut_and_not_climbed() -> None:
    count = 3 * DEPTH
    ids = [chr(0x4E00 + number) for number in range(count)]
    chain = [mail(number + 1, ids[number], ids[number - 1] if number else "") for number in range(count)]
    for mails in (chain, chain[::-1]):
        told = [int(word) for word in re.findall(r"\d+", shown(by_references(mails)))]
        assert sorted(told) == list(range(1, count + 1))
