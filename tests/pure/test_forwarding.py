"""What goes on to another host, and whom a failure there may be told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mail.address import parse_mailbox
from mail.srs import Srs
from policy.acceptance import Purpose
from policy.forwarding import goes_on, is_proved, onward_path

SRS = Srs(b"sixteen octets or more")
CARL = parse_mailbox("carl@remote.test")


@pytest.mark.parametrize(
    ("purposes", "junk", "expected"),
    [
        ([Purpose.MAILBOX], False, False),
        ([Purpose.FORWARD], False, True),
        ([Purpose.FORWARD], True, True),
        ([Purpose.MAILBOX, Purpose.FORWARD], False, True),
        ([Purpose.MAILBOX, Purpose.FORWARD], True, False),
        ([Purpose.RETURN], True, True),
        ([Purpose.BOUNCE], False, False),
    ],
)
def test_junk_goes_on_only_where_nothing_here_keeps_it(purposes: list[Purpose], junk: bool, expected: bool) -> None:
    assert goes_on(purposes, junk=junk) is expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"spf": "pass", "spf_domain": "remote.test"}, True),
        ({"spf": "pass", "spf_domain": "other.test"}, False),
        ({"spf": "softfail", "spf_domain": "remote.test"}, False),
        ({"dmarc": "pass", "from_domain": "remote.test"}, True),
        ({"dmarc": "pass", "from_domain": "other.test"}, False),
        ({}, False),
    ],
)
def test_a_sender_is_proved_by_its_own_domain_alone(found: dict[str, Any], expected: bool) -> None:
    assert is_proved(CARL, found) is expected
    assert is_proved(None, found) is False


def test_the_reverse_path_is_rewritten_for_proved_senders_only() -> None:
    today = date(2026, 11, 21)
    made = onward_path(CARL, True, "ours.test", SRS, today)
    assert SRS.original(parse_mailbox(made).local, today) == CARL
    assert onward_path(CARL, False, "ours.test", SRS, today) == "@ours.test"
    assert onward_path(parse_mailbox("c" * 50 + "@remote.test"), True, "ours.test", SRS, today) == "@ours.test"
    assert onward_path(None, False, "ours.test", SRS, today) == ""
