"""Rewritten senders: read back while they are fresh, by nobody who has not the secret, however they were damaged."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.address import LOCAL_LIMIT, parse_mailbox
from mail.srs import LIFETIME, Srs, is_rewritten

SRS = Srs(b"sixteen octets or more")
TODAY = date(2026, 11, 21)
CARL = parse_mailbox("Carl.Smith@Remote.test")


def local_of(sender: str = "carl@remote.test", today: date = TODAY) -> str:
    made = SRS.rewritten(parse_mailbox(sender), "ours.test", today)
    assert made is not None
    return made.local


def test_it_is_read_back_in_any_case_and_for_its_lifetime() -> None:
    made = SRS.rewritten(CARL, "ours.test", TODAY)
    assert made is not None
    assert made.domain == "ours.test"
    assert is_rewritten(made.local)
    assert SRS.original(made.local, TODAY) == parse_mailbox("Carl.Smith@remote.test")
    for spelling in (made.local.lower(), made.local.upper()):
        found = SRS.original(spelling, TODAY)
        assert found is not None
        assert found.normalised == CARL.normalised
    assert SRS.original(made.local, TODAY + timedelta(LIFETIME)) is not None
    assert SRS.original(made.local, TODAY + timedelta(LIFETIME + 1)) is None
    assert SRS.original(made.local, TODAY - timedelta(1)) is None


def test_the_days_come_round_without_a_gap() -> None:
    for step in range(1100):
        day = TODAY + timedelta(step)
        assert SRS.original(local_of(today=day), day + timedelta(1)) is not None


@pytest.mark.parametrize(
    "forged",
    [
        local_of().replace("carl", "dora"),
        local_of().replace("remote.test", "other.test"),
        local_of()[:-1],
        local_of()[:5] + "aaaaaaaa" + local_of()[13:],
        "SRS0=aaaaaaaa=aa=remote.test=carl",
        "SRS0==aa=remote.test=carl",
        "SRS0=aaaaaaaa=aa=remote.test=",
        "SRS0",
        "carl",
        "",
    ],
)
def test_what_was_not_made_here_is_nobodys(forged: str) -> None:
    assert SRS.original(forged, TODAY) is None


def test_another_secret_reads_nothing() -> None:
    assert Srs(b"another secret of ours").original(local_of(), TODAY) is None
    with pytest.raises(ValueError, match="at least 16"):
        Srs(b"short")


def test_a_sender_that_would_make_it_too_long_is_not_rewritten() -> None:
    assert SRS.rewritten(parse_mailbox("a" * 40 + "@remote.test"), "ours.test", TODAY) is None
    assert SRS.rewritten(parse_mailbox("carl@[192.0.2.1]"), "ours.test", TODAY) is None


@given(st.text(max_size=80))
def test_no_local_part_raises(text: str) -> None:
    assert SRS.original(text, TODAY) is None
    assert SRS.original("SRS0=" + text, TODAY) is None


@given(st.from_regex(r"[a-zA-Z0-9!#$%&'*+/=?^_{|}~-]{1,20}", fullmatch=True))
def test_every_local_part_that_fits_comes_back(local: str) -> None:
    made = SRS.rewritten(parse_mailbox(f"{local}@remote.test"), "ours.test", TODAY)
    assert made is not None
    assert len(made.local) <= LOCAL_LIMIT
    assert SRS.original(parse_mailbox(str(made)).local, TODAY) == parse_mailbox(f"{local}@remote.test")
