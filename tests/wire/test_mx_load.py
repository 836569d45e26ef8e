"""The MX under load, in the short form of bench/mx_load.py: memory of idle sessions, and who waits for whom."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import mx_load, smtp_role
from peers.smtp_role import Premises, Running, trusting
from store import arrivals

SESSIONS = 200
EACH_KIB = 38
SLOW = 200
ROUNDS = 15
OCTETS = 25_000_000
BLANKS = 20_000
LIMITS = {
    "connections_per_peer": 2000,
    "connections_per_network": 2000,
    "connection_rate": "1000000/min",
    "network_connection_rate": "1000000/min",
}


@pytest.fixture(scope="module")
def large() -> tuple[bytes, str]:
    return mx_load.signed("remote.test", OCTETS)


@pytest.fixture(scope="module")
def premises(
    tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path, large: tuple[bytes, str]
) -> Iterator[Premises]:
    with smtp_role.premises_in(
        tmp_path_factory.mktemp("mx-load"), migrated_folder, [("s._domainkey.remote.test", "TXT", large[1])]
    ) as made:
        smtp_role.settle_tenant(made.stores)
        yield made


@pytest.fixture(scope="module")
def mx(premises: Premises) -> Iterator[Running]:
    with premises.role("mx", **LIMITS) as running:
        yield running


def test_idle_sessions_under_tls_are_small(premises: Premises, mx: Running) -> None:
    context = trusting(premises)
    with mx_load.idle_sessions(mx.ports["mx"], context, 20):  # what the first ones bring with them
        before = mx_load.pss_kib(mx.process.pid)
        with mx_load.idle_sessions(mx.ports["mx"], context, SESSIONS):
            assert (mx_load.pss_kib(mx.process.pid) - before) / SESSIONS < EACH_KIB


@pytest.mark.alone
def test_a_good_sender_is_served_beside_two_hundred_slow_ones(mx: Running) -> None:
    port = mx.ports["mx"]
    mx_load.round_trips(port, 3)
    alone = statistics.median(mx_load.round_trips(port, ROUNDS))
    with mx_load.slow_senders(port, SLOW):
        beside = statistics.median(mx_load.round_trips(port, ROUNDS))
    assert beside < 4 * alone + 0.02, (beside, alone)  # the whole form says 2


@pytest.mark.alone
def test_neither_a_large_signed_mail_nor_blanks_without_end_hold_up_others(
    premises: Premises, mx: Running, large: tuple[bytes, str]
) -> None:
    port, message = mx.ports["mx"], large[0]
    with mx_load.Ticker(port) as quiet:
        mx_load.round_trips(port, ROUNDS)
    with mx_load.Ticker(port) as busy:
        assert mx_load.taken(port, message)
        assert mx_load.taken(port, mx_load.with_blanks(message, BLANKS))
    assert busy.ticks > 20
    assert busy.longest < 4 * quiet.longest + 0.15, (busy.longest, quiet.longest)  # the whole form says 0.05
    with premises.stores.mail.database.read() as tx:
        kept = arrivals.load(tx, arrivals.waiting(tx, 0, 1000)[-2:])
    assert [one.authentication["dkim"][0][0] for one in kept] == ["pass", "fail"]


def test_a_large_mail_is_not_copied_again_and_again(premises: Premises, large: tuple[bytes, str]) -> None:
    """Each copy of 25 MB is a time in which no other session is served: the blocks and the message, no third one."""
    with premises.role("mx", **LIMITS) as fresh:
        mx_load.round_trips(fresh.ports["mx"], 3)
        with mx_load.peak_mb(fresh.process.pid) as grown:
            assert mx_load.taken(fresh.ports["mx"], large[0])
    assert grown[0] < 2.5 * OCTETS / 1024 / 1024
