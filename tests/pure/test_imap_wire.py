"""Octets from a client become commands, however they are cut, and never more than the limits of memory."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imap.wire import Broken, Continue, Decoder, Event, Limits, Request

LIMITS = Limits(line=200, literals=50, message=1000)


def events(octets: bytes, cuts: list[int] | None = None, limits: Limits = LIMITS) -> list[Event]:
    decoder = Decoder(limits)
    found = []
    at = 0
    for cut in [*sorted(cuts or []), len(octets)]:
        decoder.receive(octets[at:cut])
        at = max(at, cut)
        while (event := decoder.next_event()) is not None:
            found.append(event)
    return found


def test_lines_are_commands() -> None:
    assert events(b"a NOOP\r\nb LOGOUT\nc ") == [Request(b"a NOOP", ()), Request(b"b LOGOUT", ())]


def test_a_synchronising_literal_is_asked_for_and_a_plus_is_not() -> None:
    assert events(b"a LOGIN {3}\r\nann {2+}\r\npw\r\n") == [
        Continue(),
        Request(b"a LOGIN {3}\r\n {2+}\r\n", (b"ann", b"pw")),
    ]


def test_a_literal_may_hold_what_looks_like_commands() -> None:
    assert events(b"a X {10+}\r\nb NOOP\r\n{9\r\n") == [Request(b"a X {10+}\r\n", (b"b NOOP\r\n{9",))]


def test_what_is_too_large_is_refused_and_read_over() -> None:
    assert events(b"a X {51}\r\nb NOOP\r\n") == [
        Broken(b"a", b"a literal of 51 octets is over the limit of 50", False, b"TOOBIG"), Request(b"b NOOP", ()),
    ]  # fmt: skip
    refused = events(b"a X {60+}\r\n" + b"x" * 60 + b" more\r\nb NOOP\r\n")
    assert [type(event) for event in refused] == [Broken, Request]
    assert events(b"a X {30+}\r\n" + b"x" * 30 + b" {30+}\r\n")[-1:] == []  # both count, and the second is under way


def test_append_has_a_limit_of_its_own() -> None:
    assert events(b"a append x {1000}\r\n") == [Continue()]
    assert isinstance(events(b"a append x {1001}\r\n")[0], Broken)
    assert isinstance(events(b"a X append {51}\r\n")[0], Broken)


def test_a_stream_that_cannot_be_read_on_says_so() -> None:
    assert events(b"a X {4000000000+}\r\n") == [
        Broken(b"a", b"a literal of 4000000000 octets is over the limit of 50", True, b"TOOBIG")
    ]
    (broken,) = events(b"x" * 201)
    assert isinstance(broken, Broken)
    assert broken.fatal
    (broken,) = events(b"a X {1+}\r\n " * 40)
    assert isinstance(broken, Broken)
    assert broken.fatal


def test_thousands_of_empty_literals_are_one_long_line_and_no_deep_recursion() -> None:
    found = events(b"a X" + b" {0+}\r\n" * 5000, limits=Limits(60_000, 50, 0))
    assert found == []


def test_how_a_line_at_its_limit_is_cut_makes_no_difference() -> None:
    at_limit = b"a " + b"x" * 197 + b"\r\nb NOOP\r\n"
    assert events(at_limit) == events(at_limit, list(range(len(at_limit)))) != []
    over = b"a X {51+}\r\n" + b"x" * 51 + b"y" * 201 + b"\r\nb NOOP\r\n"  # behind what is read over
    assert events(over) == events(over, list(range(len(over))))


@pytest.mark.timeout(60)
def test_thousands_of_literals_in_a_line_take_no_longer_than_they_are_long() -> None:
    limits = Limits(65_536, 65_536, 1_000_000)
    for octets in (b"a X" + b"{1+}\r\ny" * 9000, b"a" + b"{1+}\r\ny" * 9000):
        began = time.process_time()
        assert events(octets, limits=limits) == []
        assert time.process_time() - began < 1.5  # 3 s where each counted those before it


def test_forgotten_octets_are_gone() -> None:
    decoder = Decoder(LIMITS)
    decoder.receive(b"a STARTTLS\r\nb NOOP\r\nc X {5+}\r\nab")
    assert decoder.next_event() == Request(b"a STARTTLS", ())
    decoder.forget()
    assert decoder.waiting == 0
    decoder.receive(b"d NOOP\r\n")
    assert decoder.next_event() == Request(b"d NOOP", ())


def test_a_tag_is_none_where_the_line_has_none() -> None:
    assert [Request(line, ()).tag for line in (b"a1 NOOP", b"a", b"", b" x", b"+ x", b'"', b"a{")] == [
        b"a1", b"a", b"*", b"*", b"*", b"*", b"*",
    ]  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.integers(0, 90)))
def test_how_the_octets_are_cut_makes_no_difference(cuts: list[int]) -> None:
    octets = b"a NOOP\r\nb LOGIN {3+}\r\nann {2}\r\npw\r\nc X {60+}\r\n" + b"y" * 60 + b"\r\nd NOOP\r\n"
    assert events(octets, cuts) == events(octets)


@settings(max_examples=60)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_no_octets_raise(octets: bytes, cuts: list[int]) -> None:
    for event in events(octets, cuts):
        assert isinstance(event, Request | Continue | Broken)
