"""What the resolver says of a small world: each kind of answer is told from the others, and the cache holds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from net.resolver import MailHost, MailStanding, Resolver, Standing, texts

RECORDS = [
    ("two.test", "MX", "20 b.two.test."),
    ("two.test", "MX", "10 A.two.test."),
    ("a.two.test", "A", "127.0.0.2"),
    ("a.two.test", "AAAA", "::1"),
    ("plain.test", "A", "127.0.0.3"),
    ("null.test", "MX", "0 ."),
    ("empty.test", "TXT", "v=spf1 " + "a" * 300),
    ("2.0.0.127.in-addr.arpa", "PTR", "A.two.test."),
    ("alias.test", "CNAME", "two.test."),
    ("renamed.test", "MX", "10 mx.renamed.test."),
    ("mx.renamed.test", "CNAME", "a.two.test."),
    ("round.test", "CNAME", "about.test."),
    ("about.test", "CNAME", "round.test."),
    ("itself.test", "CNAME", "itself.test."),
    ("turning.test", "MX", "10 round.test."),
    ("away.test", "CNAME", "plain.test."),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    zone = tmp_path_factory.mktemp("zone") / "zone.json"
    records = [{"host": host, "type": kind, "value": value} for host, kind, value in RECORDS]
    zone.write_text(
        json.dumps({"records": records, "faults": {"sick.test": "SERVFAIL", "mute.test": "timeout"}, "ttl": 60})
    )
    command = [sys.executable, "-m", "lab.nameserver", "--zone", str(zone), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield zone, json.loads(server.stdout.readline())["listening"]
        server.terminate()


def asking(server: str, question: Callable[[Resolver], Coroutine[Any, Any, Any]], seconds: float = 3) -> Any:
    async def ask() -> Any:
        return await question(Resolver([server], timedelta(seconds=seconds)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(ask())


def test_mail_hosts_come_by_preference_in_lower_case(world: tuple[Path, str]) -> None:
    hosts = asking(world[1], lambda resolver: resolver.mail_hosts("Two.test."))
    assert hosts.standing is MailStanding.HOSTS
    assert hosts.hosts == (MailHost(10, "a.two.test"), MailHost(20, "b.two.test"))


@pytest.mark.parametrize(
    ("domain", "standing"),
    [
        ("alias.test", MailStanding.HOSTS),
        ("plain.test", MailStanding.IMPLICIT),
        ("null.test", MailStanding.NULL),
        ("gone.test", MailStanding.NO_NAME),
        ("empty.test", MailStanding.NO_RECORDS),
        ("sick.test", MailStanding.TEMPORARY),
        ("renamed.test", MailStanding.HOSTS),
        ("round.test", MailStanding.TEMPORARY),
        ("itself.test", MailStanding.TEMPORARY),
        ("away.test", MailStanding.IMPLICIT),
        ("a" * 64 + ".test", MailStanding.NO_NAME),
        ("a..test", MailStanding.NO_NAME),
    ],
)
def test_each_standing_of_a_domain_is_told_apart(world: tuple[Path, str], domain: str, standing: MailStanding) -> None:
    assert asking(world[1], lambda resolver: resolver.mail_hosts(domain)).standing is standing


def test_a_silent_server_costs_no_more_than_the_budget(world: tuple[Path, str]) -> None:
    began = time.monotonic()
    answer = asking(world[1], lambda resolver: resolver.ask("mute.test", "TXT"), seconds=0.5)
    assert answer.standing is Standing.TEMPORARY
    assert "mute" in answer.words or "Timeout" in answer.words
    assert time.monotonic() - began < 2


def test_addresses_and_names_of_hosts(world: tuple[Path, str]) -> None:
    assert asking(world[1], lambda resolver: resolver.addresses_of("a.two.test")).addresses == ("127.0.0.2", "::1")
    assert asking(world[1], lambda resolver: resolver.names_of("127.0.0.2")) == ("a.two.test",)
    assert asking(world[1], lambda resolver: resolver.addresses_of("gone.test")).standing is Standing.NO_NAME


def test_a_mail_host_that_is_an_alias_has_the_addresses_of_what_it_names(world: tuple[Path, str]) -> None:
    """RFC 5321 §5.1 forbids it, and half the world does it."""
    found = asking(world[1], lambda resolver: resolver.addresses_of("mx.renamed.test"))
    assert found.addresses == ("127.0.0.2", "::1")


def test_aliases_that_go_round_end_and_are_a_mistake_that_may_be_mended(world: tuple[Path, str]) -> None:
    found = asking(world[1], lambda resolver: resolver.addresses_of("round.test"))
    assert (found.standing, found.addresses) == (Standing.TEMPORARY, ())


def test_a_long_text_record_is_one_text_and_threads_get_the_same(world: tuple[Path, str]) -> None:
    answer = Resolver([world[1]], timedelta(seconds=3)).ask_now("empty.test", "TXT")
    assert texts(answer) == ("v=spf1 " + "a" * 300,)


def test_an_answer_is_remembered_for_its_ttl_by_loop_and_threads(world: tuple[Path, str]) -> None:
    zone, server = world
    resolver = Resolver([server], timedelta(seconds=3))
    assert resolver.ask_now("plain.test", "A").standing is Standing.FOUND
    kept = zone.read_text()
    try:
        zone.write_text(json.dumps({"records": []}))
        assert asyncio.run(resolver.ask("plain.test", "A")).standing is Standing.FOUND
        assert resolver.ask_now("other.test", "A").standing is Standing.NO_NAME
    finally:
        zone.write_text(kept)
