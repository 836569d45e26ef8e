"""Which forward-paths are taken: a table of addresses, places and what each stands for."""

from __future__ import annotations

from datetime import date

import pytest

from mail.address import Address, parse_mailbox
from mail.srs import Srs
from mail.verp import Tokens
from policy.acceptance import (
    FULL,
    NOWHERE,
    TOO_LARGE,
    Accepted,
    Box,
    Home,
    Place,
    Purpose,
    Refusal,
    Signatures,
    Target,
    full,
    judge,
    without_plus,
)

TODAY = date(2026, 11, 21)
TOKENS = Tokens(b"sixteen octets or more")
SRS = Srs(b"sixteen octets or more")
SIGNED = Signatures(TOKENS, SRS)
ANN = Home(Box(5))
HERE = Place(ours=True, linked=True, domain=1, exact=ANN, oldest=Box(3))
EMPTY = Place(ours=True, linked=True, domain=1, oldest=Box(3))
PLUS = Place(ours=True, linked=True, domain=1, base=ANN)
CATCHING = Place(ours=True, linked=True, domain=1, catch_all=Home(targets=(Target("ann@ours.test", Box(5)),)))
ELSEWHERE = Place(ours=True, linked=False, domain=1, exact=ANN, catch_all=ANN, oldest=Box(3))
HOST = Place(ours=True, oldest=Box(3))
OUTER = Target("carl@remote.test", None)
BOTH = Home(Box(5), (OUTER, Target("ann@ours.test", Box(5))))


def returned(sender: str = "carl@remote.test", made: date = TODAY) -> str:
    address = SRS.rewritten(parse_mailbox(sender), "ours.test", made)
    assert address is not None
    return address.local


@pytest.mark.parametrize(
    ("local", "place", "expected"),
    [
        ("ann", HERE, (Purpose.MAILBOX, 5)),
        ("ann", NOWHERE, Refusal.RELAY),
        ("ann", EMPTY, Refusal.UNKNOWN),
        ("ann", ELSEWHERE, Refusal.UNKNOWN),
        ("ann+shop", PLUS, (Purpose.MAILBOX, 5)),
        ("b+shop", PLUS, (Purpose.MAILBOX, 5)),
        ("anybody", CATCHING, (Purpose.MAILBOX, 5)),
        ("postmaster", EMPTY, (Purpose.MAILBOX, 3)),
        ("Abuse", EMPTY, (Purpose.MAILBOX, 3)),
        ("abuse", HERE, (Purpose.MAILBOX, 5)),
        ("abuse", Place(ours=True, linked=True, domain=1), Refusal.UNKNOWN),
        ("postmaster", HOST, (Purpose.MAILBOX, 3)),
        ("postmaster", Place(ours=True), Refusal.UNKNOWN),
        ("ann", HOST, Refusal.UNKNOWN),
        ("fbl", EMPTY, (Purpose.COMPLAINT, None)),
        ("fbl", HOST, (Purpose.COMPLAINT, None)),
        ("fbl", HERE, (Purpose.MAILBOX, 5)),
        ("fbl", ELSEWHERE, Refusal.UNKNOWN),
        ("dmarc-reports", EMPTY, (Purpose.DMARC_REPORT, None)),
        ("TLS-Reports", HOST, (Purpose.TLS_REPORT, None)),
        ("dmarc-reports", NOWHERE, Refusal.RELAY),
        ("b+" + "a" * 32, EMPTY, Refusal.FORGED),
        ("b+" + "a" * 32, CATCHING, Refusal.FORGED),
        ("u+" + "a" * 32, PLUS, Refusal.FORGED),
        ("b+" + "a" * 32, NOWHERE, Refusal.RELAY),
        (TOKENS.reverse_path_local(9), EMPTY, (Purpose.BOUNCE, 9)),
        (TOKENS.reverse_path_local(9).upper(), ELSEWHERE, (Purpose.BOUNCE, 9)),
        (TOKENS.reverse_path_local(9), NOWHERE, Refusal.RELAY),
        (TOKENS.unsubscribe_local(9), EMPTY, (Purpose.UNSUBSCRIBE, 9)),
        (TOKENS.unsubscribe(9), EMPTY, Refusal.UNKNOWN),
        (returned(), EMPTY, (Purpose.RETURN, 1)),
        (returned(), NOWHERE, Refusal.RELAY),
        (returned(), HOST, Refusal.STALE),
        (returned(made=date(2026, 11, 1)), CATCHING, Refusal.STALE),
        ("SRS0=aaaaaaaa=aa=remote.test=carl", CATCHING, Refusal.STALE),
    ],
)
def test_the_table(local: str, place: Place, expected: tuple[Purpose, int | None] | Refusal) -> None:
    address = parse_mailbox(f"{local}@ours.test")
    wanted = expected if isinstance(expected, Refusal) else (Accepted(str(address), *expected),)
    assert judge(address, place, SIGNED, TODAY) == wanted


def test_an_alias_leads_to_its_targets_alone_each_for_what_it_is() -> None:
    place = Place(ours=True, linked=True, domain=1, exact=BOTH, oldest=Box(3))
    assert judge(Address("ann", "ours.test"), place, SIGNED, TODAY) == (
        Accepted("carl@remote.test", Purpose.FORWARD, 1),
        Accepted("ann@ours.test", Purpose.MAILBOX, 5),
    )
    outer = Place(ours=True, linked=True, domain=1, exact=Home(Box(5), (OUTER,)))
    (only,) = judge(Address("ann", "ours.test"), outer, SIGNED, TODAY)  # type: ignore[misc]  # no refusal here
    assert only.purpose is Purpose.FORWARD


@pytest.mark.parametrize(
    ("boxes", "size", "expected"),
    [
        ([], 100, None),
        ([(0, 100)], 100, None),
        ([(0, 100)], 101, TOO_LARGE),
        ([(60, 100)], 50, FULL),
        ([(99, 100)], 0, None),
        ([(100, 100)], 0, FULL),
        ([(0, 1000), (100, 100)], 10, FULL),
    ],
)
def test_a_full_mailbox_is_put_off_and_a_message_that_never_fits_refused(
    boxes: list[tuple[int, int]], size: int, expected: str | None
) -> None:
    assert full(boxes, size) == expected


@pytest.mark.parametrize(
    ("local", "base"), [("ann+x", "ann"), ("ann+", "ann"), ("ann", None), ("+x", None), ("a+b+c", "a")]
)
def test_a_plus_address_belongs_to_what_stands_before_the_first_plus(local: str, base: str | None) -> None:
    assert without_plus(local) == base


def test_refusals_are_permanent_replies_of_one_line() -> None:
    assert all(refusal.value.startswith("550 5.") and "\n" not in refusal.value for refusal in Refusal)
    assert judge(Address("x", "remote.test"), NOWHERE, SIGNED, TODAY) is Refusal.RELAY
