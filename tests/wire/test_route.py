"""The way to a domain's hosts without a policy: broken TLS is remembered for a while, certificates are recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from mta.outbound.route import PLAIN_FOR
from net.resolver import Resolver
from net.smtp_peer import Timeouts
from peers.names import Names, record
from peers.route import road
from peers.scripted_host import ADDRESS, Talk, playing
from peers.tls import server_context
from policy.rotation import EgressSource

SOURCE = EgressSource("127.0.7.2", "out1.mailloft.test", "mailings", 1)
TIMES = Timeouts(*(timedelta(seconds=2) for _ in range(6)))
HOST = "mx.remote.test"
AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    zone = [record("remote.test", "MX", f"10 {HOST}."), record(HOST, "A", ADDRESS)]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 20))


@pytest.mark.parametrize(
    ("certified", "by", "words"),
    [
        (HOST, AUTHORITY, "verified"),
        ("*.remote.test", AUTHORITY, "verified"),
        ("other.test", AUTHORITY, "unverified: certificate is for other.test, not mx.remote.test"),
        ("*.test", AUTHORITY, "unverified: certificate is for *.test, not mx.remote.test"),
        (HOST, trustme.CA(), "unverified: certificate not trusted: "),
    ],
)
def test_mail_goes_whatever_the_certificate_and_the_log_says_what_it_is_worth(
    names: Names, tmp_path: Path, certified: str, by: trustme.CA, words: str
) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    secure = server_context(by, certified)

    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
        await talk.line()
        talk.say(b"220 go ahead\r\n")
        await talk.encrypt(secure)
        await talk.line()
        talk.say(b"250 here\r\n")
        await talk.take()

    async def test() -> None:
        async with playing(script) as host:
            route = road(
                Resolver([names.listening], timedelta(seconds=2)), host.port, TIMES, ca_file=tmp_path / "ca.pem"
            )
            connection = await route.connect("remote.test", SOURCE)
            assert (connection.tls or "").partition(" ")[2].startswith(words)
            answer = await connection.transact("b@ours.test", "a@remote.test", b"Subject: x\r\n\r\nx\r\n", lambda: True)
            assert answer.reply is not None
            assert answer.reply.code == 250
            connection.abort()

    run(test)


def test_a_host_whose_tls_is_broken_is_asked_again_after_three_days(names: Names) -> None:
    clock = [datetime.now(UTC)]

    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
        if await talk.line() == b"STARTTLS\r\n":
            talk.say(b"220 go ahead\r\n")
            await talk.block()
            talk.say(b"\x15\x03\x01\x00\x02\x02\x28")

    async def test() -> None:
        async with playing(script) as host:
            resolver = Resolver([names.listening], timedelta(seconds=2))
            route = road(resolver, host.port, TIMES, now=lambda: clock[0])

            async def asked() -> int:
                connection = await route.connect("remote.test", SOURCE)
                assert connection.tls is None
                connection.abort()
                return sum(b"STARTTLS" in talk.heard for talk in host.talks)

            assert [await asked(), await asked()] == [1, 1]
            clock[0] += PLAIN_FOR - timedelta(minutes=1)
            assert await asked() == 1
            clock[0] += timedelta(minutes=2)
            assert [await asked(), await asked()] == [2, 2]

    run(test)
