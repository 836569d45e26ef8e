"""What the world does to a sender: hosts that break every rule, name servers that are gone, a disk that is full.

Each time the mail arrives once, without a restart, as soon as the fault is over, and a metric has shown it. What one
connection makes of a faulty host is in test_smtp_connection_faults.py, two nodes and a database that is gone in
test_sender_nodes.py.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from prometheus_client import REGISTRY

from mta.outbound import promote
from net.smtp_peer import Timeouts
from peers import outage
from peers.counting_host import street
from peers.names import Names, record
from peers.rows import Made, launch, make_campaign
from peers.scripted_host import Talk
from peers.sending import sending, settings_of, until
from peers.small_disk import small_disk
from store.campaign_content import Content
from store.stores import Stores, open_stores

HOSTS = {name: f"127.0.8.{at}" for at, name in enumerate(("cut", "mute", "drip", "flood", "liar", "good"), 31)}
ZONE = [record(f"{name}.test", "MX", f"10 mx.{name}.test.") for name in HOSTS]
ZONE += [record(f"mx.{name}.test", "A", address) for name, address in HOSTS.items()]
SOURCE = {"address": "127.0.7.21", "ehlo": "out1.ours.test"}
LETTER = Content("Hello", "<p>Hello</p>", "Hello", {}, ())
QUICK = Timeouts(*(timedelta(seconds=0.7) for _ in range(6)))
FAULTY = 2  # sessions of each host that go wrong; the liar lies for ever


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Names]:
    made = Names(tmp_path / "names", ZONE)
    yield made
    made.stop()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), outage.LIMIT))


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def delivered(stores: Stores, made: Made, count: int, seconds: float = 40.0) -> None:
    def so() -> bool:
        return {name: number for name, number in made.counts(stores).items() if number} == {"delivered": count}

    await until(so, f"{count} rows are delivered", seconds)


# Hosts


@dataclass
class Rogues:
    """One host for each fault, all on one port; `taken` are the recipients of whole messages."""

    port: int = 0
    sessions: Counter[str] = field(default_factory=Counter)
    taken: list[str] = field(default_factory=list)

    async def session(self, name: str, talk: Talk) -> None:
        self.sessions[name] += 1
        if name == "liar":
            await self._lie(talk)
        elif name == "good" or self.sessions[name] > FAULTY:
            await self._take(talk)
        else:
            await FAULTS[name](talk)

    async def _take(self, talk: Talk) -> None:
        await talk.greet()
        recipient = b""
        while line := await talk.line():
            if line.startswith(b"RCPT"):
                recipient = line.partition(b"<")[2].partition(b">")[0]
            talk.say(b"354 go on\r\n" if line.startswith(b"DATA") else b"250 ok\r\n")
            if line.startswith(b"DATA"):
                await talk.message()
                self.taken.append(recipient.decode())
                talk.say(b"250 taken\r\n")

    async def _lie(self, talk: Talk) -> None:
        """Offers PIPELINING and throws away all that comes together with a command."""
        talk.say(b"220 here\r\n")
        recipient, content = b"", b""
        while block := await talk.block():
            line = block.partition(b"\n")[0]
            if line.startswith(b"RCPT"):
                recipient = line.partition(b"<")[2].partition(b">")[0]
            talk.say(
                {b"EHLO": b"250-here\r\n250 PIPELINING\r\n", b"DATA": b"354 go on\r\n"}.get(line[:4], b"250 ok\r\n")
            )
            if line.startswith(b"DATA"):
                content = b""
                while not content.endswith(b"\r\n.\r\n") and (more := await talk.block()):
                    content += more
                self.taken.append(recipient.decode())
                talk.say(b"250 taken\r\n")


async def _cut(talk: Talk) -> None:
    """Hangs up in the middle of DATA."""
    await talk.greet()
    await talk.envelope()
    await talk.reader.read(100)
    talk.break_off()


async def _mute(talk: Talk) -> None:
    """Never answers."""
    await talk.rest()


async def _drip(talk: Talk) -> None:
    """A byte a second, nearly."""
    talk.say(b"220-")
    while not talk.writer.is_closing():
        await asyncio.sleep(0.2)
        talk.say(b"x")
        await talk.writer.drain()


async def _flood(talk: Talk) -> None:
    """Reply lines of 100 kB."""
    await talk.greet()
    await talk.line()
    talk.say(b"250-" + b"x" * 100_000 + b"\r\n250 ok\r\n")
    await talk.rest()


FAULTS: dict[str, Callable[[Talk], Coroutine[Any, Any, None]]] = {
    "cut": _cut, "mute": _mute, "drip": _drip, "flood": _flood
}  # fmt: skip


@asynccontextmanager
async def rogues() -> AsyncIterator[Rogues]:
    made = Rogues()

    def host(name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await made.session(name, Talk(reader, writer, made.sessions[name]))
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        return session

    servers = []
    for name, address in HOSTS.items():
        server = await asyncio.start_server(host(name), address, made.port, limit=1 << 19)
        made.port = server.sockets[0].getsockname()[1]
        servers.append(server)
    try:
        yield made
    finally:
        for server in servers:
            server.close()


def test_mail_to_hosts_that_break_every_rule_arrives_once_when_they_behave_and_is_counted(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    everyone = [f"reader{number}@{name}.test" for name in HOSTS for number in range(4)]
    made = make_campaign(stores, everyone, LETTER)
    before = {fault: metric("mailloft_host_faults_total", fault=fault) for fault in ("closed", "silent", "protocol")}

    async def test() -> None:
        async with rogues() as town:
            settings = settings_of(names.listening, town.port, [SOURCE], outbound={"connections": 1})
            async with sending(tmp_path, stores, settings) as sender:
                sender._route._timeouts = QUICK
                launch(stores, made)
                await delivered(stores, made, len(everyone))
            assert Counter(town.taken) == Counter(everyone)  # each once
            assert all(town.sessions[name] > FAULTY for name in FAULTS)

    run(test)
    after = {fault: metric("mailloft_host_faults_total", fault=fault) for fault in before}
    assert after["closed"] - before["closed"] >= FAULTY  # cut
    assert after["silent"] - before["silent"] >= 2 * FAULTY + 1  # mute, drip, and the liar
    assert after["protocol"] - before["protocol"] >= FAULTY  # flood


# Name servers


@pytest.mark.timeout(outage.LIMIT)
def test_mail_waits_while_the_name_servers_are_gone_and_goes_when_they_are_back(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    everyone = [f"reader{number}@{name}.test" for name in ("good", "cut") for number in range(10)]
    made = make_campaign(stores, everyone, LETTER)
    before = metric("mailloft_dns_failures_total")

    async def test() -> None:
        async with street([HOSTS["good"], HOSTS["cut"]]) as town:
            settings = settings_of(names.listening, town.port, [SOURCE], dns={"timeout": 0.5})
            names.stop()
            async with sending(tmp_path, stores, settings):
                launch(stores, made)
                await until(lambda: metric("mailloft_dns_failures_total") > before + 3, "questions fail")
                await asyncio.sleep(outage.NAMES)
                assert town.taken == []
                names.start()
                await delivered(stores, made, len(everyone))
            assert Counter(recipient for *_, recipient in town.taken) == Counter(everyone)

    run(test)


# The disk, the database


@pytest.fixture(name="small_disk")
def disk_of_8_mb(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 8) as folder:
        yield folder


@pytest.mark.timeout(outage.LIMIT)
def test_a_full_disk_stops_the_sender_and_room_lets_it_go_on(
    tmp_path: Path, small_disk: Path, migrated_folder: Path, names: Names
) -> None:
    shutil.copytree(migrated_folder, small_disk / "databases")
    stores = open_stores(str(small_disk / "databases"))
    everyone = [f"reader{number}@good.test" for number in range(300)]
    made = make_campaign(stores, everyone, LETTER)
    before = metric("mailloft_write_failures_total", database="core", why="full")

    def full() -> float:
        return metric("mailloft_write_failures_total", database="core", why="full") - before

    async def test() -> None:
        async with street([HOSTS["good"]], pause=0.02) as town:
            settings = settings_of(names.listening, town.port, [SOURCE], outbound={"heartbeat": 2})
            async with sending(tmp_path, stores, settings):
                launch(stores, made)
                await until(lambda: len(town.taken) > 40, "it has begun")
                await asyncio.to_thread(fill, small_disk)
                await until(lambda: full() > 2, "writes fail")
                await asyncio.sleep(outage.DISK)  # longer than a heartbeat
                (small_disk / "ballast").unlink()
                await delivered(stores, made, len(everyone))
            assert Counter(recipient for *_, recipient in town.taken) == Counter(everyone)

    run(test)
    stores.close()


def fill(folder: Path) -> None:
    """To the last octet."""
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while ballast.write(b"x" * size):
                    pass
            except OSError:
                continue


def test_a_claim_whose_answer_was_lost_with_the_database_strands_no_row(
    tmp_path: Path, stores: Stores, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit was made and the connection broke before it said so: the rows are ours, and nobody knows."""
    everyone = [f"reader{number}@good.test" for number in range(30)]
    made = make_campaign(stores, everyone, LETTER)
    claim, lost = promote.claim, []

    def deaf(*given: Any) -> list[promote.Promoted]:
        rows = claim(*given)
        if rows and len(lost) < 2:
            lost.append(len(rows))
            raise ConnectionError("the database went away")
        return rows

    async def test() -> None:
        async with street([HOSTS["good"]]) as town:
            async with sending(tmp_path, stores, settings_of(names.listening, town.port, [SOURCE])):
                launch(stores, made)
                await delivered(stores, made, len(everyone), 20)
            assert Counter(recipient for *_, recipient in town.taken) == Counter(everyone)
            assert len(lost) == 2

    monkeypatch.setattr(promote, "claim", deaf)
    run(test)
