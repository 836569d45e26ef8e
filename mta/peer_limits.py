"""How much one peer may have of a listener: connections at once and a minute, by address and by network, and guesses.

On the loop, no locks, no I/O; `now` is the loop's time. One object a listener; of several processes on a port each has
its share. An address is an IPv4 address or a /64 of IPv6, which one customer has; a network is a /24 or a /48.
What is remembered of who is gone is one number, forgotten once it no longer counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from policy.gcra import Rate

_FORGET: Final = 20_000  # remembered rates, after which those that no longer count are dropped


@dataclass(slots=True)
class Pace:
    """A rate with a minute's (or `burst` units') worth at once, for each of many keys."""

    rate: Rate
    burst: float
    _expected: dict[str, float] = field(default_factory=dict)

    def take(self, key: str, now: float) -> bool:
        """Count one; whether it was within the rate."""
        expected = max(self._expected.get(key, 0.0), now) + self.rate.interval
        within = expected - now <= self.burst * self.rate.interval
        if within:
            self._expected[key] = expected
            if len(self._expected) > _FORGET:
                self._expected = {one: at for one, at in self._expected.items() if at > now}
        return within

    def is_over(self, key: str, now: float) -> bool:
        return self._expected.get(key, 0.0) + self.rate.interval - now > self.burst * self.rate.interval


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one process."""

    of_address: int
    of_network: int
    rate_of_address: Rate
    rate_of_network: Rate
    guesses: Rate


class PeerLimits:
    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._open: Counter[str] = Counter()
        self._arriving = [
            Pace(rate, max(1.0, rate.count * 60.0 / rate.seconds))
            for rate in (bounds.rate_of_address, bounds.rate_of_network)
        ]
        self._guesses = Pace(bounds.guesses, bounds.guesses.count)

    def enter(self, peer: str, now: float) -> str | None:
        """Count a connection, or the word that says which limit it is over."""
        address, network = keys(peer)
        if self._open[address] >= self._bounds.of_address:
            return "connections"
        if self._open[network] >= self._bounds.of_network:
            return "network_connections"
        if not (self._arriving[0].take(address, now) and self._arriving[1].take(network, now)):
            return "connection_rate"
        self._open[address] += 1
        self._open[network] += 1
        return None

    def leave(self, peer: str) -> None:
        for key in keys(peer):
            self._open[key] -= 1
            if self._open[key] <= 0:
                del self._open[key]

    def guess(self, peer: str, now: float) -> None:
        """It named a recipient that does not exist."""
        self._guesses.take(keys(peer)[1], now)

    def is_guessing(self, peer: str, now: float) -> bool:
        return self._guesses.is_over(keys(peer)[1], now)


def keys(peer: str) -> tuple[str, str]:
    """What counts as one address, and as one network."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer, peer
    if address.version == 6 and (mapped := address.ipv4_mapped) is not None:
        address = mapped
    if address.version == 4:
        text = str(address)
        return text, text.rpartition(".")[0] + ".0/24"
    return address.exploded[:19] + "::/64", address.exploded[:14] + "::/48"
