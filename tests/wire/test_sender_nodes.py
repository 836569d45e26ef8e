"""Nodes that share one ledger, as processes: counted at the receiving hosts by a token of the test's own choosing.

Each node is a sender with a name and an egress source of its own. On SQLite they are two on one machine, which is no
deployment but the same rows.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from admin.acts import queue
from admin.acts.queue import Asked
from admin.office import Office
from peers import outage
from peers.crash import Copy
from peers.loopback import free_port, wait_until
from peers.smtp_role import Premises, Running, Tenant, furnish, name_server, settle_tenant
from store import injection
from store.injection import Forward, Submitted
from store.schema import flows, recipients, workers
from store.spool import Stored
from store.stores import Stores

HOSTS = {f"far{number}.test": f"127.0.9.{20 + number}" for number in range(4)}
NODES = {"north": "127.0.8.21", "south": "127.0.8.22"}
DELAY = 0.1  # seconds that a host thinks about each message
LIFE = 3  # seconds without a heartbeat
INFLIGHT = 80


@dataclass
class Nodes:
    """The world of one test; `started` by node name."""

    premises: Premises
    stores: Stores
    tenant: Tenant
    book: Path
    port: int
    started: dict[str, Running] = field(default_factory=dict)

    def start(self, *names: str, connections: int = 2, inflight: int = INFLIGHT) -> None:
        for name in names:
            outbound = {
                "port": self.port, "sources": [{"address": NODES[name], "ehlo": f"{name}.ours.test"}],
                "connections": connections, "heartbeat": LIFE,
            }  # fmt: skip
            server = {"hostname": "mx.ours.test", "node": name}
            folder = self.premises.folder / name
            folder.mkdir(exist_ok=True)
            settings = {**self.premises.settings, "server": server, "outbound": outbound}
            own = replace(self.premises, folder=folder, settings=settings)
            self.started[name] = own.start("sender", inflight=inflight)

    def submit(self, count: int) -> set[str]:
        tokens = {f"{number:04}" for number in range(count)}
        for token in sorted(tokens):
            domain = list(HOSTS)[int(token) % len(HOSTS)]
            letter = f"From: ann@ours.test\r\nSubject: token={token}\r\n\r\nhello\r\n".encode()
            one = Submitted(
                self.tenant.project, self.tenant.connection, "ann@ours.test", f"<{token}@ours.test>",
                Stored(len(letter), letter, None), "transactional",
            )  # fmt: skip
            forwards = [Forward(f"r{token}@{domain}", f"r{token}@{domain}", domain)]
            handed_in = injection.HandedIn(one, forwards, datetime.now(UTC))
            self.stores.core.journal.run(lambda tx, one=handed_in: injection.queue_submissions(tx, [one]))
        return tokens

    def copies(self) -> list[Copy]:
        lines = self.book.read_text().splitlines() if self.book.exists() else []
        return [Copy(float(at), *rest) for at, *rest in (line.split(" ") for line in lines)]

    def queued(self) -> int:
        with self.stores.core.database.read() as core:
            return sum(core.execute(select(flows.c.queued)).scalars())

    def states(self) -> Counter[str]:
        with self.stores.core.database.read() as core:
            return Counter(state.value for state in core.execute(select(recipients.c.state)).scalars())

    def living(self) -> set[str]:
        with self.stores.core.database.read() as core:
            return set(core.execute(select(workers.c.node)).scalars())

    def pause(self, name: str) -> float:
        """SIGSTOP it where it holds no lock: SQLite's gate is the kernel's, and nobody can take it from the stopped."""
        process = self.started[name].process
        for _ in range(50):
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.05)
            if self._gate_is_free():
                return time.time()
            process.send_signal(signal.SIGCONT)
            time.sleep(0.013)
        raise AssertionError(f"{name} holds the gate whenever it is looked at")

    def _gate_is_free(self) -> bool:
        if self.stores.core.database.postgresql:
            return True
        descriptor = os.open(Path(self.premises.location) / "core.gate", os.O_RDWR)
        try:
            for _ in range(40):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(0.005)
                    continue
                return True
            return False
        finally:
            os.close(descriptor)


@pytest.fixture
def nodes(location: str, stores: Stores, tmp_path: Path) -> Iterator[Nodes]:
    with ExitStack() as ends:
        book, port = tmp_path / "book", free_port(next(iter(HOSTS.values())))
        program = Path(__file__).parents[1] / "peers" / "slow_hosts.py"
        command = [sys.executable, str(program), str(book), str(port), str(DELAY), *HOSTS.values()]
        hosts = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=subprocess.PIPE)
        ends.callback(hosts.wait)
        ends.callback(hosts.kill)
        assert hosts.stdout is not None
        ends.callback(hosts.stdout.close)
        assert hosts.stdout.readline() == b"listening\n"
        zone = [(domain, "MX", f"10 mx.{domain}.") for domain in HOSTS]
        zone += [(f"mx.{domain}", "A", address) for domain, address in HOSTS.items()]
        served = ends.enter_context(name_server(tmp_path, zone))
        made = Nodes(furnish(tmp_path, location, stores, served), stores, settle_tenant(stores), book, port)
        try:
            yield made
        finally:
            for running in made.started.values():
                running.kill()


def by_token(copies: list[Copy]) -> Mapping[str, list[Copy]]:
    found: dict[str, list[Copy]] = defaultdict(list)
    for copy in copies:
        found[copy.token].append(copy)
    return found


def arrived(nodes: Nodes, tokens: set[str]) -> None:
    wait_until(lambda: {copy.token for copy in nodes.copies()} == tokens, "everything has arrived", 60)
    wait_until(lambda: nodes.queued() == 0, "everything is settled", 20)


def test_two_nodes_share_the_ledger_and_send_nothing_twice(nodes: Nodes) -> None:
    nodes.start("north", "south")  # both are there before the mail is, or the first could have sent it all
    tokens = nodes.submit(400)
    arrived(nodes, tokens)
    copies = nodes.copies()
    assert len(copies) == len(tokens)
    by_source: Any = Counter(copy.source for copy in copies)
    assert set(by_source) == set(NODES.values())


def test_a_dead_nodes_rows_are_sent_by_the_others(nodes: Nodes) -> None:
    tokens = nodes.submit(400)
    nodes.start("north", "south")
    wait_until(lambda: len(nodes.copies()) > 60, "both have begun", 20)
    nodes.started["north"].kill()
    killed = time.time()
    arrived(nodes, tokens)
    assert nodes.living() == {"south"}
    for token, copies in by_token(nodes.copies()).items():
        # What was on the wire when it died comes again, from the other, and nothing else does.
        assert len(copies) == 1 or (len(copies) == 2 and copies[0].source == NODES["north"]), (token, copies)
        assert len(copies) == 1 or killed - DELAY - 2 < copies[0].at < killed + 0.2 < copies[1].at, (token, copies)


def test_a_paused_node_that_wakes_after_its_heartbeat_sends_no_further_final_dot(nodes: Nodes) -> None:
    tokens = nodes.submit(400)
    nodes.start("north", "south")
    wait_until(lambda: len(nodes.copies()) > 60, "both have begun", 20)
    paused = nodes.pause("north")
    wait_until(lambda: nodes.living() == {"south"}, "the paused one is buried", 90)
    arrived(nodes, tokens)
    woken = time.time()
    nodes.started["north"].process.send_signal(signal.SIGCONT)
    nodes.started["north"].process.wait(20)  # it finds itself buried and ends; its parent would start it anew
    time.sleep(2 * DELAY)
    copies = nodes.copies()
    assert [copy for copy in copies if copy.source == NODES["north"] and copy.at > paused + 0.5] == []
    assert woken > paused + LIFE / 2
    for token, each in by_token(copies).items():
        assert len(each) == 1 or (each[0].source == NODES["north"] and each[0].at < paused), (token, each)
    assert max(len(each) for each in by_token(copies).values()) <= 2


@pytest.mark.timeout(outage.LIMIT)
def test_a_database_that_is_locked_or_down_for_longer_than_a_heartbeat_costs_no_repeat(
    nodes: Nodes, request: pytest.FixtureRequest
) -> None:
    """Both nodes lose their heartbeats, neither buries the other for it; what was delivered meanwhile is settled."""
    tokens = nodes.submit(400)
    nodes.start("north", "south")
    wait_until(lambda: len(nodes.copies()) > 60, "both have begun", 20)
    with gone(nodes, request):
        time.sleep(outage.DATABASE - 1)
        stood = len(nodes.copies())
        time.sleep(1)
        assert len(nodes.copies()) == stood  # nothing is ended without a heartbeat
        ports = [nodes.started[name].ports["metrics"] for name in NODES]
        shown = [httpx.get(f"http://127.0.0.1:{port}/metrics").text for port in ports]
    arrived(nodes, tokens)
    assert {token for token, each in by_token(nodes.copies()).items() if len(each) > 1} == set()
    assert nodes.living() == set(NODES)
    assert any(trouble(text, postgresql=nodes.stores.core.database.postgresql) for text in shown), shown
    assert all(nodes.started[name].process.poll() is None for name in NODES)  # by itself, without a restart


def trouble(metrics: str, *, postgresql: bool) -> bool:
    """A write that was refused, or one that has waited for seconds (SQLite is asked for ten before it gives up)."""
    if postgresql:
        return 'mailloft_write_failures_total{database="core",why="down"}' in metrics
    (waited,) = re.findall(r'mailloft_write_waiting_seconds{database="core"} (\S+)', metrics)
    return float(waited) > 1


@contextmanager
def gone(nodes: Nodes, request: pytest.FixtureRequest) -> Iterator[None]:
    """SQLite's file is locked by another process, PostgreSQL is stopped and started again."""
    if nodes.stores.core.database.postgresql:
        nodes.stores.close()
        with request.getfixturevalue("cluster").down():
            yield
        return
    locking = sqlite3.connect(Path(nodes.premises.location) / "core.db", isolation_level=None)
    locking.execute("PRAGMA busy_timeout = 10000")
    locking.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        locking.close()


def test_a_hold_acts_within_seconds_on_what_waits_in_lanes_and_a_release_sends_it_once(nodes: Nodes) -> None:
    tokens = nodes.submit(400)
    nodes.start("north", connections=1, inflight=300)  # what is in its lanes takes seconds to send
    office = Office(nodes.stores, nodes.premises.vault, nodes.premises.folder, "mx.ours.test", ())
    wait_until(lambda: len(nodes.copies()) > 20, "it has begun", 20)
    *_, done = queue.act(office, "hold", Asked(nodes.tenant.project, everything=True))
    wait_until(lambda: nodes.states()["inflight"] == 0, "what was in the lanes is handed back", 5)
    stopped = nodes.states()
    assert stopped["held"] >= 200
    assert stopped["held"] + stopped["delivered"] == 400
    assert done.changed >= stopped["held"]
    time.sleep(1)
    assert len(nodes.copies()) == stopped["delivered"]
    *_, done = queue.act(office, "release", Asked(nodes.tenant.project, everything=True))
    assert done.changed == stopped["held"]
    arrived(nodes, tokens)
    assert len(nodes.copies()) == 400
