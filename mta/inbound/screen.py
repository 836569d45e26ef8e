"""Puts suspicious peers off once, behind the dot: block lists, PTR names, SPF and what store/greylist remembers.

Blocking, in a thread of the session's pool, within SECONDS; what name servers do not say in time, and a store that
fails, let the message pass (fail-open). Peers on private addresses and loopback are our own proxies and programs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final, cast

from dns.rdtypes.ANY.PTR import PTR
from prometheus_client import Counter

from mta.inbound.lookups import Budget
from mta.peer_limits import keys
from net.resolver import Resolver, host_name
from policy.junk import Fault, Screening, faults, screen
from role.log import EventLog
from store import greylist
from store.stores import Stores

SECONDS: Final = 3.0
WAIT: Final = "451 4.7.1 Not known here yet, try again in {} minutes"
_LISTED: Final = ip_network("127.0.0.0/8")
_ERRORS: Final = ip_network("127.255.255.0/24")  # how block lists say that they do not answer this resolver
_SUSPICIOUS: Final = Counter("mailloft_suspicious_peers", "Messages of suspicious peers, by fault", ["fault"])


@dataclass(frozen=True, slots=True)
class Letter:
    """What is screened: who came, from whom to whom, and what SPF and iprev said."""

    peer: str
    reverse_path: str
    recipients: Sequence[str]
    spf: str
    iprev: str


@dataclass(frozen=True, slots=True)
class Screened:
    """`refusal` puts it off; `listed` are the block lists that name the peer."""

    refusal: str | None = None
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Screener:
    resolver: Resolver
    stores: Stores
    log: EventLog
    zones: tuple[str, ...]
    wait: timedelta  # 0: nobody is put off

    def screen(self, letter: Letter, now: datetime) -> Screened:
        if is_at_home(letter.peer):
            return Screened()
        address = ip_address(letter.peer)
        budget = Budget(self.resolver, SECONDS)
        listed = tuple(zone for zone in self.zones if _lists(budget, address.reverse_pointer, zone))
        names = [host_name(cast("PTR", one).target) for one in budget.ask(address.reverse_pointer, "PTR") or ()]
        found = faults(letter.iprev, names, letter.peer, listed, letter.spf)
        for fault in found:
            _SUSPICIOUS.labels(fault.value).inc()
        if not (found and self.wait):
            return Screened(None, listed)
        try:
            return Screened(self._greylisted(letter, found, now), listed)
        except Exception as error:  # noqa: BLE001 - a store that fails must not put honest mail off
            self.log.error("greylist not read", raised=error, peer=letter.peer)
            return Screened(None, listed)

    def _greylisted(self, letter: Letter, found: frozenset[Fault], now: datetime) -> str | None:
        network = keys(letter.peer)[1]
        words = "\n".join([letter.reverse_path, *sorted(letter.recipients)])
        pair = hashlib.sha256(words.encode()).hexdigest()
        with self.stores.mail.database.read() as mail:
            seen = greylist.seen(mail, network, pair)
        if screen(found, seen, now, self.wait) is Screening.PASS:
            if seen.passed_at is None or now - seen.passed_at > timedelta(days=1):
                self.stores.mail.journal.run(lambda tx: greylist.passed(tx, network, now))
            return None
        if seen.first_at is None or now - seen.first_at > self.wait:
            self.stores.mail.journal.run(lambda tx: greylist.put_off(tx, network, pair, now))
        return WAIT.format(max(1, round(self.wait.total_seconds() / 60)))


def is_at_home(peer: str) -> bool:
    """Whether it is a proxy or a program of our own, or nothing that can be looked up."""
    try:
        address = ip_address(peer)
    except ValueError:
        return True
    return address.is_private or address.is_loopback


def _lists(budget: Budget, pointer: str, zone: str) -> bool:
    """Whether a block list names the address (RFC 5782 §2.1)."""
    reversed_address = pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    answers = [IPv4Address(one.to_text()) for one in budget.ask(f"{reversed_address}.{zone}", "A") or ()]
    return any(one in _LISTED and one not in _ERRORS for one in answers)
