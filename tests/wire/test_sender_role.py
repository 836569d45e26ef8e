"""The sender role in its own process, on both engines, against hosts that keep books of what they took.

What each kind of answer makes of a row and of a rating; what pause, resume and cancel do to a campaign that is under
way; what a name server does that is not there.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from lab.books import Refused, Taken
from lab.description import Fate, Full, Host, Person, Temper, World
from lab.world import RunningWorld
from lab.zone import Record
from peers import rows
from peers.hosts import SlowHosts
from peers.loopback import free_port, wait_until
from peers.names import Names, record
from peers.rows import Made
from peers.sender_role import SenderRole
from store import campaign_progress, campaigns
from store.campaigns import CampaignState
from store.schema import clients, recipients, workers
from store.stores import Stores

SOURCES = {"127.0.6.1": "out1.mailloft.test", "127.0.6.2": "out2.mailloft.test"}
GOOD = [f"reader{number}@good.test" for number in range(40)]
GREY = [f"reader{number}@grey.test" for number in range(6)]
GHOST, CLOSED, FULL, WAITS = "ghost@good.test", "closed@good.test", "full@good.test", "full@grey.test"
NOWHERE, NEVER, BLOCKED = "ann@nowhere.test", "ann@null.test", "blocked@good.test"
PLACES = {GHOST: Fate.UNKNOWN, CLOSED: Fate.SUSPENDED, FULL: Fate.FULL, WAITS: Fate.FULL}
INFLIGHT = 300  # a whole campaign of these tests: what a pause must reach is in the lanes already
WORLD = World(
    1,
    (
        Host("mx.good.test", "127.0.6.11", ("good.test",), Temper(everyone=True)),
        Host("mx.grey.test", "127.0.6.12", ("grey.test",), Temper(everyone=True, greylist=1, full=Full.DEFERS)),
    ),
    tuple(Person(address, "x", (fate,)) for address, fate in PLACES.items()),
)


def settings(dns: str, port: int, **outbound: Any) -> dict[str, Any]:
    sources = [{"address": address, "ehlo": ehlo} for address, ehlo in SOURCES.items()]
    plan = {"campaign": {"first": 1, "longest": 1, "lifetime": 15}}
    return {
        "dns": {"servers": [dns], "timeout": 1},
        "outbound": {"port": port, "sources": sources, "retry": plan, **outbound},
        "limits": {"inflight": INFLIGHT},
    }


@contextmanager
def sending(role: SenderRole) -> Iterator[SenderRole]:
    role.start()
    try:
        yield role
    finally:
        role.stop()


def found(stores: Stores, made: Made) -> dict[str, Any]:
    """The campaign's ledger rows by address."""
    with stores.core.database.read() as core:
        return {row.address: row for row in campaign_progress.rows_of(core, made.campaign_id, 0, 10_000)}


def rating(stores: Stores, address: str) -> int:
    with stores.core.database.read() as core:
        return int(core.execute(select(clients.c.rating).where(clients.c.address == address)).scalar_one())


def counts(stores: Stores, made: Made) -> dict[str, int]:
    return {name: count for name, count in made.counts(stores).items() if count}


def ended(stores: Stores, made: Made) -> bool:
    left = counts(stores, made)
    return not {"queued", "inflight", "held"} & left.keys()


def move(stores: Stores, made: Made, target: CampaignState) -> None:
    assert stores.core.journal.run(lambda tx: campaigns.move(tx, made.campaign_id, target, None))


def set_rating(stores: Stores, address: str, value: int) -> None:
    stores.core.journal.run(
        lambda tx: tx.execute(update(clients).where(clients.c.address == address).values(rating=value)).rowcount
    )


def test_each_answer_makes_of_a_row_and_of_a_rating_what_it_says(stores: Stores, location: str, tmp_path: Path) -> None:
    everyone = [*GOOD, *GREY, *PLACES, NOWHERE, NEVER, BLOCKED]
    made = rows.make_campaign(stores, everyone)
    set_rating(stores, BLOCKED, 1)
    rows.launch(stores, made)
    with RunningWorld(WORLD, tmp_path) as world:
        world.publish([Record("null.test", "MX", "0 .")])
        with sending(SenderRole(tmp_path, location, settings(world.dns, world.port))):
            wait_until(lambda: ended(stores, made), "every row has a final state", 60)
        books = world.entries()
    told = found(stores, made)
    taken = [entry for entry in books if isinstance(entry, Taken)]

    assert Counter(row.state.value for row in told.values()) == Counter(counts(stores, made))
    assert {address: told[address].state.value for address in (*GOOD, *GREY)} == dict.fromkeys(
        (*GOOD, *GREY), "delivered"
    )
    assert Counter(one.recipient for one in taken) == Counter([*GOOD, *GREY])  # each once, nobody else
    expected = {
        GHOST: ("failed", "userunknown", 1), CLOSED: ("failed", "suspend", 1), FULL: ("failed", "mailboxfull", 6),
        WAITS: ("expired", "mailboxfull", 6), NOWHERE: ("failed", "hostunknown", 1), NEVER: ("failed", "notaccept", 1),
        BLOCKED: ("suppressed", "suppressed", 1),
    }  # fmt: skip
    judged = {
        address: (told[address].state.value, told[address].reason.value, rating(stores, address))
        for address in expected
    }
    assert judged == expected
    assert {rating(stores, address) for address in (*GOOD, *GREY)} == {7}

    # Both sources were used, each with its own name.
    assert {one.source: one.ehlo for one in taken} == SOURCES
    # What was deferred came again, from the address that the host knew already.
    first = {one.recipient: one for one in books if isinstance(one, Refused) and one.cause == "greylisted"}
    again = {one.recipient: one for one in taken}
    assert set(GREY) <= first.keys()
    for address in GREY:
        assert told[address].attempts == 2
        assert again[address].source == first[address].source == told[address].source
        assert again[address].at - first[address].at >= 1.0
    assert told[WAITS].attempts >= 3
    assert (told[BLOCKED].attempts, told[GHOST].attempts) == (0, 1)


def test_without_an_answer_of_the_name_servers_a_row_waits(stores: Stores, location: str, tmp_path: Path) -> None:
    """A name server that is away says nothing about a domain: nobody is blocked for it."""
    made = rows.make_campaign(stores, GOOD[:3])
    rows.launch(stores, made)
    silent = f"127.0.0.1:{free_port()}"
    with sending(SenderRole(tmp_path, location, settings(silent, 2525))):
        wait_until(lambda: [row.attempts for row in found(stores, made).values()] == [1, 1, 1], "one try each", 20)
    told = found(stores, made)
    assert {row.state.value for row in told.values()} == {"queued"}
    assert all("name servers did not tell" in row.last_words for row in told.values())
    assert {rating(stores, address) for address in GOOD[:3]} == {7}


def test_a_sender_that_waits_for_name_servers_still_ends_in_time(stores: Stores, location: str, tmp_path: Path) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dns = {"servers": [f"127.0.0.1:{silent.getsockname()[1]}"], "timeout": "PT1M"}
        with sending(SenderRole(tmp_path, location, {**settings("", 2525), "dns": dns})):  # its stop() has a limit
            assert b"in-addr" in silent.recv(512)  # it looks whether its own addresses have names


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[SlowHosts, str]]:
    """A host that thinks for 50 ms about each message, and the settings to meet it: about 40 messages a second."""
    with SlowHosts(tmp_path / "book", ["127.0.6.21"], delay=0.05) as hosts:
        zone = [record("slow.test", "MX", "10 mx.slow.test."), record("mx.slow.test", "A", "127.0.6.21")]
        names = Names(tmp_path / "names", zone)
        yield hosts, names.listening
        names.stop()


def slow_campaign(stores: Stores, count: int) -> Made:
    made = rows.make_campaign(stores, [f"reader{number}@slow.test" for number in range(count)])
    rows.launch(stores, made)
    return made


def test_a_pause_stops_within_seconds_and_resuming_completes_each_once(
    stores: Stores, location: str, tmp_path: Path, slow: tuple[SlowHosts, str]
) -> None:
    hosts, dns = slow
    made = slow_campaign(stores, 160)
    with sending(SenderRole(tmp_path, location, settings(dns, hosts.port, connections=1))):
        wait_until(lambda: len(hosts.arrived()) > 50, "it is under way", 20)
        move(stores, made, CampaignState.PAUSED)
        wait_until(lambda: counts(stores, made).get("inflight", 0) == 0, "nothing is in the sender's hands", 5)
        standing = len(hosts.arrived())
        time.sleep(1.5)
        assert len(hosts.arrived()) == standing < 160
        assert counts(stores, made) == {"delivered": standing, "queued": 160 - standing}
        move(stores, made, CampaignState.RUNNING)
        wait_until(lambda: counts(stores, made) == {"delivered": 160}, "the rest is delivered", 40)
    assert Counter(copy.recipient for copy in hosts.arrived()) == Counter(
        f"reader{number}@slow.test" for number in range(160)
    )


def test_a_read_that_fails_after_a_claim_strands_no_row(
    stores: Stores, location: str, tmp_path: Path, slow: tuple[SlowHosts, str]
) -> None:
    """The rows are queued again, and sent once the database answers; no restart is needed for it."""
    hosts, dns = slow
    made = slow_campaign(stores, 30)
    role = SenderRole(tmp_path, location, settings(dns, hosts.port))
    rename(stores, "campaign_contents", "away")
    with sending(role):
        wait_until(lambda: role.log().count('"step":"_promote"') >= 2, "promotion has failed twice", 20)
        assert not hosts.arrived()
        rename(stores, "away", "campaign_contents")
        wait_until(lambda: counts(stores, made) == {"delivered": 30}, "all is delivered", 20)


def rename(stores: Stores, table: str, name: str) -> None:
    stores.core.journal.run(lambda tx: tx.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}").rowcount)


def test_cancelling_ends_every_row_that_has_not_left_and_the_sums_agree(
    stores: Stores, location: str, tmp_path: Path, slow: tuple[SlowHosts, str]
) -> None:
    hosts, dns = slow
    made = slow_campaign(stores, 160)
    with sending(SenderRole(tmp_path, location, settings(dns, hosts.port, connections=1))):
        wait_until(lambda: len(hosts.arrived()) > 50, "it is under way", 20)
        move(stores, made, CampaignState.CANCELLED)
        wait_until(lambda: ended(stores, made), "every row has a final state", 10)
        arrived = len(hosts.arrived())
        wait_until(lambda: made.campaign(stores).finished_at, "the campaign is closed", 5)
    states = Counter(row.state.value for row in found(stores, made).values())
    assert states == Counter(delivered=arrived, cancelled=160 - arrived)
    assert states == Counter(counts(stores, made))
    with stores.core.database.read() as core:
        assert core.execute(select(recipients.c.id).where(recipients.c.claimed_by.is_not(None))).all() == []


def test_a_sender_that_is_told_to_stop_hands_back_what_it_holds_and_repeats_nothing(
    stores: Stores, location: str, tmp_path: Path, slow: tuple[SlowHosts, str]
) -> None:
    hosts, dns = slow
    made = slow_campaign(stores, 100)
    role = SenderRole(tmp_path, location, settings(dns, hosts.port, connections=1))
    with sending(role):
        wait_until(lambda: len(hosts.arrived()) > 40, "it is under way", 20)
    with stores.core.database.read() as core:
        assert core.execute(select(workers.c.id)).all() == []  # its place is empty, nobody waits for its heartbeat
    left = counts(stores, made)
    assert left == {"delivered": len(hosts.arrived()), "queued": 100 - len(hosts.arrived())}
    with sending(role):
        wait_until(lambda: counts(stores, made) == {"delivered": 100}, "the rest is delivered", 30)
    assert Counter(copy.recipient for copy in hosts.arrived()).most_common(1)[0][1] == 1


def test_a_killed_sender_s_successor_has_its_rows_at_once_and_repeats_what_was_on_the_wire(
    stores: Stores, location: str, tmp_path: Path, slow: tuple[SlowHosts, str]
) -> None:
    hosts, dns = slow
    made = slow_campaign(stores, 100)
    role = SenderRole(tmp_path, location, settings(dns, hosts.port, connections=1))
    role.start()
    wait_until(lambda: len(hosts.arrived()) > 40, "it is under way", 20)
    role.kill()
    assert counts(stores, made).get("inflight", 0) > 0
    began = time.monotonic()
    with sending(role):
        wait_until(lambda: counts(stores, made) == {"delivered": 100}, "the rest is delivered", 12)
    assert time.monotonic() - began < 12  # a heartbeat runs out after 15 s; the successor does not wait for it
    copies = Counter(copy.recipient for copy in hosts.arrived())
    assert len(copies) == 100
    # Two connections with one message each, and what was answered in the moment before the settlement.
    assert sum(copies.values()) - 100 <= 10
    assert len({copy.message_id for copy in hosts.arrived()}) == 100
