"""MTA-STS of other domains: what an enforced policy stops, what one in testing does not, and how long one holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from mail.tls_report import Session
from mta.outbound.route import Route, Unreachable
from net.resolver import Resolver
from net.smtp_connection import Connection
from net.smtp_peer import Timeouts
from peers.names import Names, record
from peers.policy_site import WEB, Site, serving
from peers.route import Kept, road
from peers.scripted_host import ADDRESS, Talk, playing
from peers.tls import server_context
from policy.rotation import EgressSource

SOURCE = EgressSource("127.0.7.2", "out1.mailloft.test", "mailings", 1)
TIMES = Timeouts(*(timedelta(seconds=2) for _ in range(6)))
SITE = "remote.test"
HOST = "mx.remote.test"
ENFORCE = b"version: STSv1\r\nmode: enforce\r\nmx: mx.remote.test\r\nmax_age: 86400\r\n"
TESTING = ENFORCE.replace(b"enforce", b"testing")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    made = trustme.CA()
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    made.cert_pem.write_to_path(file)
    return made, file


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    zone = [record(SITE, "MX", f"10 {HOST}."), record(HOST, "A", ADDRESS)]
    zone += [record(f"mta-sts.{SITE}", "A", WEB), record(f"_mta-sts.{SITE}", "TXT", "v=STSv1; id=1;")]
    # Another domain at the same host, without a policy; and an IDN, whose names are A-labels.
    zone += [record("plain.test", "MX", f"10 {HOST}.")]
    zone += [record("xn--bcher-kva.test", "MX", f"10 {HOST}."), record("mta-sts.xn--bcher-kva.test", "A", WEB)]
    zone += [record("_mta-sts.xn--bcher-kva.test", "TXT", "v=STSv1; id=1;")]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


@dataclass
class World:
    route: Route
    site: Site
    clock: list[datetime]
    kept: Kept
    again: Callable[[], Route]
    commands: list[bytes]
    tallied: list[Session]
    broken: list[bool]  # filled: the host's TLS is

    async def tls(self, domain: str = SITE) -> str | None:
        """What the attempt log says of a new connection for that domain. Raises Unreachable."""
        connection = await self.connect(domain)
        connection.abort()
        return connection.tls

    async def connect(self, domain: str = SITE) -> Connection:
        return await self.route.connect(domain, SOURCE)


@asynccontextmanager
async def world(
    names: Names, authority: tuple[trustme.CA, Path], policy: bytes = ENFORCE, *,
    mx_name: str = HOST, mx_by: trustme.CA | None = None, starttls: bool = True, allowed: tuple[str, ...] | None = None,
    web_by: trustme.CA | None = None, offers: bytes = b"250 here\r\n",
) -> AsyncIterator[World]:  # fmt: skip
    trusted, file = authority
    commands: list[bytes] = []
    tallied: list[Session] = []
    broken: list[bool] = []
    secure = server_context(mx_by or trusted, mx_name)
    web = (web_by or trusted).issue_cert(f"mta-sts.{SITE}", "mta-sts.xn--bcher-kva.test")
    web_context = server_context(trusted, "unused.test")
    web.configure_cert(web_context)

    async def script(talk: Talk) -> None:
        if not starttls:
            await talk.greet()
        else:
            await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
            if await talk.line() != b"STARTTLS\r\n":
                return
            talk.say(b"220 go ahead\r\n")
            if broken:
                await talk.block()
                talk.say(b"\x15\x03\x01\x00\x02\x02\x28")
                return
            try:
                await talk.encrypt(secure)
            except OSError:
                return
            await talk.line()
            talk.say(offers)
        while line := await talk.line():
            commands.append(line)
            if line.startswith((b"MAIL", b"RCPT", b"RSET")):
                talk.say(b"250 ok\r\n")
            elif line == b"DATA\r\n":
                talk.say(b"354 go on\r\n")
                await talk.message()
                talk.say(b"250 taken\r\n")

    async with playing(script) as host, serving(web_context, policy) as site:
        clock, kept = [datetime.now(UTC)], Kept()

        def again() -> Route:
            resolver = Resolver([names.listening], timedelta(seconds=2))
            return road(
                resolver, host.port, TIMES, ca_file=file, sts_port=site.port,
                allowed=("127.0.0.0/8",) if allowed is None else allowed, kept=kept, now=lambda: clock[0],
                tally=tallied.append,
            )  # fmt: skip

        yield World(again(), site, clock, kept, again, commands, tallied, broken)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 20))


async def withheld(there: World, domain: str = SITE) -> str:
    with pytest.raises(Unreachable) as raised:
        await there.connect(domain)
    assert raised.value.reply is None, "a policy that fails is a deferral, not a verdict on an address"
    assert raised.value.demanded
    return str(raised.value)


def test_a_host_that_satisfies_an_enforced_policy_gets_mail_and_the_log_says_by_what(
    names: Names, authority: Any
) -> None:
    async def test() -> None:
        async with world(names, authority) as there:
            assert (await there.tls() or "").endswith("by MTA-STS")
            assert len(there.site.asked) == 1
            head = there.site.asked[0]
            assert head.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
            assert f"host: mta-sts.{SITE}:{there.site.port}\r\n".encode() in head.lower()
            await there.tls()
            assert len(there.site.asked) == 1, "a policy is not fetched for each connection"

    run(test)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"mx_name": "other.test"}, "certificate is for other.test"),
        ({"mx_by": trustme.CA()}, "not trusted"),
        ({"starttls": False}, "offers no STARTTLS"),
        ({"policy": ENFORCE.replace(b"mx.remote", b"mx.elsewhere")}, "not in the domain's MTA-STS policy"),
        ({"policy": ENFORCE.replace(b"mx.remote.test", b"*.mx.remote.test")}, "not in the domain's MTA-STS policy"),
    ],
)
def test_security_24_a_host_that_fails_an_enforced_policy_gets_nothing(
    names: Names, authority: Any, what: dict[str, Any], words: str
) -> None:
    async def test() -> None:
        async with world(names, authority, **what) as there:
            assert words in await withheld(there)
            assert words in await withheld(there), "no memory of broken TLS opens a way around a policy"

    run(test)


def test_security_24_a_memory_of_broken_tls_neither_opens_a_way_around_a_policy_nor_outlives_the_mending(
    names: Names, authority: Any
) -> None:
    async def test() -> None:
        async with world(names, authority) as there:
            there.broken.append(True)
            assert await there.tls("plain.test") is None
            assert "TLS with" in await withheld(there)
            there.broken.clear()
            assert (await there.tls() or "").endswith("by MTA-STS")

    run(test)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"mx_name": "other.test"}, "unverified: certificate is for other.test"),
        ({"mx_by": trustme.CA()}, "unverified: certificate not trusted"),
        ({"starttls": False}, ""),
        ({"policy": ENFORCE.replace(b"mx.remote", b"mx.elsewhere")}, "unverified: mx.remote.test is not in"),
    ],
)
@pytest.mark.parametrize("mode", [b"testing", b"none"])
def test_security_24_a_policy_in_testing_is_never_enforced(
    names: Names, authority: Any, what: dict[str, Any], words: str, mode: bytes
) -> None:
    what = {"policy": ENFORCE, **what}
    what["policy"] = what["policy"].replace(b"enforce", mode)

    async def test() -> None:
        async with world(names, authority, **what) as there:
            told = await there.tls()
            assert (told is None) == ("starttls" in what)
            if mode == b"testing":
                assert words in (told or "")

    run(test)


def test_security_24_an_internationalised_domain_is_held_to_its_policy(names: Names, authority: Any) -> None:
    policy = ENFORCE.replace(b"mx.remote.test", "mx.bücher.test".encode())

    async def test() -> None:
        async with world(names, authority, policy) as there:
            assert "not in the domain's MTA-STS policy" in await withheld(there, "xn--bcher-kva.test")
            there.site.content = ENFORCE
            there.kept.rows.clear()
            there.route = there.again()
            assert (await there.tls("xn--bcher-kva.test") or "").endswith("by MTA-STS")

    run(test)


def test_a_policy_outlives_its_file_its_record_and_our_process_until_it_is_too_old(
    names: Names, authority: Any
) -> None:
    async def test() -> None:
        async with world(names, authority, mx_name="other.test") as there:
            await withheld(there)
            there.site.status = b"404 Not Found"
            there.route = there.again()  # a worker started anew
            assert "certificate is for" in await withheld(there)
            there.clock[0] += timedelta(hours=23)
            await withheld(there)
            there.clock[0] += timedelta(hours=2)
            assert "unverified" in (await there.tls() or "")

    run(test)


@pytest.mark.parametrize(
    "change",
    [
        {"status": b"301 Moved", "headers": b"Location: https://mta-sts.remote.test/x\r\nContent-Type: text/plain\r\n"},
        {"status": b"404 Not Found"},
        {"headers": b"Content-Type: text/html\r\n"},
        {"content": b"version: STSv1\nmode: enforce\nmax_age: 86400\n"},
        {"content": ENFORCE + b"x" * 70_000},
        {"content": b"\xff\xfe"},
    ],
)
def test_what_is_no_policy_stops_no_mail(names: Names, authority: Any, change: dict[str, bytes]) -> None:
    async def test() -> None:
        async with world(names, authority, mx_name="other.test") as there:
            for name, value in change.items():
                setattr(there.site, name, value)
            assert "unverified" in (await there.tls() or "")
            assert len(there.site.asked) == 1, "no redirect is followed, and a failed fetch is not repeated at once"
            assert not there.kept.rows

    run(test)


def test_a_policy_from_a_site_whose_certificate_fails_does_not_count(names: Names, authority: Any) -> None:
    async def test() -> None:
        async with world(names, authority, mx_name="other.test", web_by=trustme.CA()) as there:
            assert "unverified" in (await there.tls() or "")
            assert not there.site.asked

    run(test)


def test_security_23_a_policy_is_not_fetched_from_an_address_that_is_not_public(names: Names, authority: Any) -> None:
    async def test() -> None:
        async with world(names, authority, mx_name="other.test", allowed=()) as there:
            assert "unverified" in (await there.tls() or "")
            assert not there.site.asked

    run(test)


def test_mail_with_a_policy_does_not_ride_on_a_connection_that_was_opened_without_it(
    names: Names, authority: Any
) -> None:
    async def test() -> None:
        async with world(names, authority) as there:
            plain, strict = await there.connect("plain.test"), await there.connect()
            assert await there.route.fits(plain, "plain.test")
            assert not await there.route.fits(plain, SITE)
            assert await there.route.fits(strict, SITE)
            assert await there.route.fits(strict, "plain.test")
            plain.abort()
            strict.abort()

    run(test)


# REQUIRETLS (RFC 8689)

REQUIRETLS = b"250-here\r\n250 REQUIRETLS\r\n"


async def strictly(there: World, domain: str = SITE) -> tuple[int, str, str]:
    """The answer to a message that requires TLS."""
    connection = await there.connect(domain)
    answer = await connection.transact("b@ours.test", f"a@{domain}", b"Subject: x\r\n\r\nx\r\n", lambda: True, True)
    connection.abort()
    assert answer.reply is not None
    return answer.reply.code, answer.reply.enhanced, answer.reply.text


def test_mail_that_requires_tls_says_so_to_a_host_that_is_sure_and_promises_the_same(
    names: Names, authority: Any
) -> None:
    async def test() -> None:
        async with world(names, authority, offers=REQUIRETLS) as there:
            assert (await strictly(there))[0] == 250
            assert there.commands[0] == b"MAIL FROM:<b@ours.test> REQUIRETLS\r\n"
            connection = await there.connect("plain.test")
            assert not await there.route.fits(connection, SITE, strict=True)
            connection.abort()

    run(test)


@pytest.mark.parametrize(
    ("domain", "what", "words"),
    [
        (SITE, {}, "REQUIRETLS is not offered"),
        ("plain.test", {"offers": REQUIRETLS}, "TLSv1.3 verified"),  # whose MX record anybody may have written
        (SITE, {"offers": REQUIRETLS, "mx_name": "other.test", "policy": TESTING}, "unverified"),
        ("plain.test", {"starttls": False}, "there is no TLS"),
    ],
)
def test_mail_that_requires_tls_is_refused_for_good_where_it_would_not_be_sure(
    names: Names, authority: Any, domain: str, what: dict[str, Any], words: str
) -> None:
    async def test() -> None:
        async with world(names, authority, **what) as there:
            code, enhanced, text = await strictly(there, domain)
            assert (code, enhanced) == (550, "5.7.30")
            assert words in text
            assert not there.commands, "nothing of the message was said"

    run(test)


# What reports count (RFC 8460)


@pytest.mark.parametrize(
    ("what", "domain", "results"),
    [
        ({}, SITE, [""]),
        ({}, "plain.test", []),
        ({"mx_name": "other.test"}, SITE, ["certificate-host-mismatch"]),
        ({"mx_by": trustme.CA(), "policy": TESTING}, SITE, ["certificate-not-trusted"]),
        ({"starttls": False}, SITE, ["starttls-not-supported"]),
        ({"policy": ENFORCE.replace(b"mx.remote", b"mx.elsewhere")}, SITE, ["validation-failure"]),
        ({"policy": b"nonsense"}, SITE, ["sts-policy-fetch-error"]),
    ],
)
def test_a_session_that_a_policy_speaks_of_is_counted_with_what_came_of_it(
    names: Names, authority: Any, what: dict[str, Any], domain: str, results: list[str]
) -> None:
    async def test() -> None:
        async with world(names, authority, **what) as there:
            with suppress(Unreachable):
                await there.tls(domain)
            assert [one.result for one in there.tallied] == results
            assert all((one.domain, one.kind, one.source) == (SITE, "sts", SOURCE.address) for one in there.tallied)

    run(test)


def test_mail_that_reports_a_failure_goes_in_spite_of_it_and_takes_no_other_mail_along(
    names: Names, authority: Any
) -> None:
    async def test() -> None:
        async with world(names, authority, mx_name="other.test") as there:
            connection = await there.route.connect(SITE, SOURCE, lax=True)
            assert not await there.route.fits(connection, SITE)
            connection.abort()

    run(test)
