"""Wrong sign-ins are counted by network and by login in a network, and run out with time (SECURITY row 20)."""

from __future__ import annotations

import pytest

from policy.guessing import OF_LOGIN, Allowance, Bucket, counted, network_of, wait, wrong


def test_the_allowance_is_spent_at_once_and_comes_back_evenly() -> None:
    allowance, bucket = Allowance(3, 10.0), Bucket()
    for _ in range(3):
        assert wait(bucket, allowance, 100.0) == 0.0
        bucket = wrong(bucket, allowance, 100.0)
    assert wait(bucket, allowance, 100.0) == 10.0
    assert wait(bucket, allowance, 104.0) == pytest.approx(6.0)
    assert wait(bucket, allowance, 110.0) == 0.0


def test_another_network_or_a_browser_that_was_there_before_shares_no_count() -> None:
    guesser = {key for key, _ in counted("192.0.2.1", "ann", False)}
    neighbour = {key for key, _ in counted("192.0.2.9", "ann", False)}
    elsewhere = {key for key, _ in counted("198.51.100.1", "ann", False)}
    known = dict(counted("192.0.2.1", "ann", True))
    assert guesser == neighbour
    assert not guesser & elsewhere
    assert not guesser & set(known)
    assert list(known.values()) == [OF_LOGIN]


def test_a_network_is_a_24_or_a_64() -> None:
    assert network_of("192.0.2.77") == "192.0.2.0/24"
    assert network_of("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert network_of("") == "nowhere"
