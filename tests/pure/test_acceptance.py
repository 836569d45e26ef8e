"""Which forward-paths are taken: a table of addresses, places and what each stands for."""

from __future__ import annotations

import pytest

from mail.address import Address, parse_mailbox
from mail.verp import Tokens
from policy.acceptance import NOWHERE, Accepted, Place, Purpose, Refusal, judge, without_plus

TOKENS = Tokens(b"sixteen octets or more")
HERE = Place(ours=True, linked=True, mailboxes=(5,), oldest=3)
EMPTY = Place(ours=True, linked=True, mailboxes=(), oldest=3)
ELSEWHERE = Place(ours=True, linked=False, mailboxes=(5,), oldest=3)


@pytest.mark.parametrize(
    ("local", "place", "expected"),
    [
        ("ann", HERE, (Purpose.MAILBOX, 5)),
        ("ann", NOWHERE, Refusal.RELAY),
        ("ann", EMPTY, Refusal.UNKNOWN),
        ("ann", ELSEWHERE, Refusal.UNKNOWN),
        ("postmaster", EMPTY, (Purpose.MAILBOX, 3)),
        ("Abuse", EMPTY, (Purpose.MAILBOX, 3)),
        ("abuse", HERE, (Purpose.MAILBOX, 5)),
        ("abuse", Place(ours=True, linked=True, mailboxes=(), oldest=None), Refusal.UNKNOWN),
        ("fbl", EMPTY, (Purpose.COMPLAINT, None)),
        ("fbl", HERE, (Purpose.MAILBOX, 5)),
        ("b+" + "a" * 32, EMPTY, Refusal.FORGED),
        ("b+" + "a" * 32, NOWHERE, Refusal.RELAY),
        (TOKENS.reverse_path_local(9), EMPTY, (Purpose.BOUNCE, 9)),
        (TOKENS.reverse_path_local(9).upper(), ELSEWHERE, (Purpose.BOUNCE, 9)),
        (TOKENS.reverse_path_local(9), NOWHERE, Refusal.RELAY),
        (TOKENS.unsubscribe_local(9), EMPTY, (Purpose.UNSUBSCRIBE, 9)),
        (TOKENS.unsubscribe(9), EMPTY, Refusal.UNKNOWN),
    ],
)
def test_the_table(local: str, place: Place, expected: tuple[Purpose, int | None] | Refusal) -> None:
    address = parse_mailbox(f"{local}@ours.test")
    wanted = expected if isinstance(expected, Refusal) else Accepted(str(address), *expected)
    assert judge(address, place, TOKENS) == wanted


@pytest.mark.parametrize(
    ("local", "base"), [("ann+x", "ann"), ("ann+", "ann"), ("ann", None), ("+x", None), ("a+b+c", "a")]
)
def test_a_plus_address_belongs_to_what_stands_before_the_first_plus(local: str, base: str | None) -> None:
    assert without_plus(local) == base


def test_refusals_are_permanent_replies_of_one_line() -> None:
    assert all(refusal.value.startswith("550 5.") and "\n" not in refusal.value for refusal in Refusal)
    assert judge(Address("x", "remote.test"), NOWHERE, TOKENS) is Refusal.RELAY
