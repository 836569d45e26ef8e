"""What one address and one network may have of a listener, and that processes divide it."""

from __future__ import annotations

import pytest

from mta.peer_limits import Bounds, PeerLimits, keys
from mta.smtp_listener import bounds
from policy.gcra import Rate
from role.share import share
from store.settings import Limits

MANY = Rate(1e6, 60.0)


def limits(
    address: int = 99, network: int = 99, rate: Rate = MANY, net: Rate = MANY, guesses: Rate = MANY
) -> PeerLimits:
    return PeerLimits(Bounds(address, network, rate, net, guesses))


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.7", ("192.0.2.7", "192.0.2.0/24")),
        ("::ffff:192.0.2.7", ("192.0.2.7", "192.0.2.0/24")),
        ("2001:db8:1:2:3:4:5:6", ("2001:0db8:0001:0002::/64", "2001:0db8:0001::/48")),
        ("fe80::1%eth0", ("fe80:0000:0000:0000::/64", "fe80:0000:0000::/48")),
        ("", ("", "")),
    ],
)
def test_a_customer_is_an_address_or_a_64(peer: str, expected: tuple[str, str]) -> None:
    assert keys(peer) == expected


def test_connections_are_limited_by_address_and_by_network_and_given_back() -> None:
    found = limits(address=2, network=3)
    assert [found.enter("192.0.2.1", 0.0) for _ in range(3)] == [None, None, "connections"]
    assert found.enter("192.0.2.2", 0.0) is None
    assert found.enter("192.0.2.3", 0.0) == "network_connections"
    assert found.enter("192.0.3.1", 0.0) is None
    found.leave("192.0.2.1")
    assert found.enter("192.0.2.3", 0.0) is None


def test_a_minutes_worth_may_come_at_once_and_then_the_rate_holds() -> None:
    found = limits(rate=Rate(60, 60.0))
    first = [found.enter("192.0.2.1", 0.0) for _ in range(61)]
    assert first == [None] * 60 + ["connection_rate"]
    for _ in range(60):
        found.leave("192.0.2.1")
    assert found.enter("192.0.2.2", 0.0) is None
    assert found.enter("192.0.2.1", 1.0) is None
    assert found.enter("192.0.2.1", 1.0) == "connection_rate"


def test_a_network_has_a_rate_of_its_own() -> None:
    found = limits(net=Rate(2, 60.0))
    peers = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.3.1"]
    assert [found.enter(peer, 0.0) for peer in peers] == [None, None, "connection_rate", None]


def test_security_19_who_guesses_recipients_is_known_as_a_network_until_it_rests() -> None:
    found = limits(guesses=Rate(3, 3600.0))
    for _ in range(3):
        assert not found.is_guessing("192.0.2.1", 0.0)
        found.guess("192.0.2.1", 0.0)
    assert found.is_guessing("192.0.2.200", 0.0)
    assert not found.is_guessing("192.0.3.1", 0.0)
    assert not found.is_guessing("192.0.2.1", 3600.0)


@pytest.mark.parametrize(("count", "of", "expected"), [(50, 1, 50), (50, 4, 12), (8, 4, 4), (2, 4, 2)])
def test_processes_on_a_port_divide_the_limits(count: int, of: int, expected: int) -> None:
    assert share(count, of) == expected
    divided = bounds(Limits(connections_per_peer=count), of)
    assert divided.of_address == expected
    assert divided.rate_of_address.count == 1200 / of
