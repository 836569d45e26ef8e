"""DANE at other domains, behind a validating resolver: which TLSA records bind a host, and what a bogus answer means.

The zone is signed here and Debian's unbound validates it; the host is a script with certificates of our choice.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mta.outbound.route import Route, Unreachable
from net.resolver import Resolver
from net.smtp_peer import Timeouts
from peers.names import Names, record
from peers.route import road
from peers.scripted_host import ADDRESS, Talk, playing
from peers.unbound import Unbound
from policy.rotation import EgressSource

SOURCE = EgressSource("127.0.7.2", "out1.mailloft.test", "mailings", 1)
TIMES = Timeouts(*(timedelta(seconds=2) for _ in range(6)))
HOST = "mx.signed.test"
AUTHORITY = trustme.CA()
BETWEEN = AUTHORITY.create_child_ca()
SHOWN = BETWEEN.issue_cert(HOST)
ELSEWHERE = BETWEEN.issue_cert("other.test")
STRANGER = trustme.CA().issue_cert(HOST)


def chain(shown: trustme.LeafCert) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(one.bytes()) for one in shown.cert_chain_pems]


def tlsa(usage: int, selector: int, matching: int, certificate: x509.Certificate) -> str:
    octets = certificate.public_bytes(Encoding.DER)
    if selector:
        octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = {0: octets, 1: sha256(octets).digest(), 2: sha512(octets).digest()}.get(matching, b"?")
    return f"{usage} {selector} {matching} {digest.hex()}"


LEAF, ISSUER = chain(SHOWN)
OTHER_LEAF = chain(ELSEWHERE)[0]
MATCHING = [(3, s, m, LEAF) for s in (0, 1) for m in (0, 1, 2)] + [(2, s, m, ISSUER) for s in (0, 1) for m in (0, 1, 2)]


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """What is not signed."""
    zone = [record("unsigned.test", "MX", "10 mx.unsigned.test."), record("mx.unsigned.test", "A", ADDRESS)]
    zone += [record("half.test", "MX", f"10 {HOST}.")]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


@asynccontextmanager
async def routed(
    folder: Path, others: Names, records: Sequence[str], *, shown: trustme.LeafCert | None = SHOWN,
    bogus: Sequence[str] = (), validating: bool = True, ca_file: Path | None = None,
) -> AsyncIterator[Route]:  # fmt: skip
    """A route behind unbound. In `records` PORT is the host's; `shown` None: it offers no STARTTLS."""
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (shown or SHOWN).configure_cert(secure)

    async def script(talk: Talk) -> None:
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n" if shown else b"250 here\r\n")
        if await talk.line() != b"STARTTLS\r\n":
            return
        talk.say(b"220 go ahead\r\n")
        try:
            await talk.encrypt(secure)
        except OSError:
            return
        await talk.line()
        talk.say(b"250 here\r\n")
        await talk.rest()

    async with playing(script) as host:
        port = str(host.port)
        zone = ["@ 60 IN MX 10 mx", f"mx 60 IN A {ADDRESS}", f"implicit 60 IN A {ADDRESS}"]
        zone += [one.replace("PORT", port) for one in records]
        others.publish([record(f"_{port}._tcp.mx.unsigned.test", "TLSA", tlsa(3, 1, 1, chain(STRANGER)[0]))])
        unsigned = dict.fromkeys(("unsigned.test", "half.test"), others.listening)
        spoilt = [one.replace("PORT", port) for one in bogus]
        resolver_there = await asyncio.to_thread(Unbound, folder, "signed.test", zone, unsigned, spoilt)
        try:
            resolver = Resolver([resolver_there.listening], timedelta(seconds=4), validating=validating)
            yield road(resolver, host.port, TIMES, ca_file=ca_file)
        finally:
            await asyncio.to_thread(resolver_there.stop)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 30))


async def told(route: Route, domain: str = "signed.test") -> str | None:
    connection = await route.connect(domain, SOURCE)
    connection.abort()
    return connection.tls


async def withheld(route: Route, domain: str = "signed.test") -> str:
    with pytest.raises(Unreachable) as raised:
        await route.connect(domain, SOURCE)
    assert raised.value.reply is None, "a deferral, not a verdict on an address"
    return str(raised.value)


@pytest.mark.parametrize("which", MATCHING, ids=lambda which: "-".join(map(str, which[:3])))
def test_security_24_a_host_with_a_matching_record_gets_mail_by_dane(
    tmp_path: Path, others: Names, which: tuple[int, int, int, x509.Certificate]
) -> None:
    async def test() -> None:
        async with routed(tmp_path, others, [f"_PORT._tcp.mx 60 IN TLSA {tlsa(*which)}"]) as route:
            assert (await told(route) or "").endswith("by DANE")

    run(test)


@pytest.mark.parametrize(
    ("which", "shown", "words"),
    [
        ((3, 1, 1, LEAF), STRANGER, "matches a TLSA record"),
        ((3, 0, 1, ISSUER), SHOWN, "matches a TLSA record"),
        ((2, 0, 1, LEAF), SHOWN, "matches a TLSA record"),
        ((2, 0, 1, ISSUER), STRANGER, "matches a TLSA record"),
        ((2, 0, 1, ISSUER), ELSEWHERE, "certificate is for other.test"),
        ((3, 1, 1, LEAF), None, "no STARTTLS"),
    ],
)
def test_security_24_a_host_without_a_matching_certificate_gets_nothing(
    tmp_path: Path, others: Names, which: tuple[int, int, int, x509.Certificate], shown: Any, words: str
) -> None:
    async def test() -> None:
        async with routed(tmp_path, others, [f"_PORT._tcp.mx 60 IN TLSA {tlsa(*which)}"], shown=shown) as route:
            assert words in await withheld(route)
            assert words in await withheld(route), "no memory of broken TLS opens a way around DANE"

    run(test)


def test_a_record_for_the_certificate_itself_asks_for_no_name(tmp_path: Path, others: Names) -> None:
    async def test() -> None:
        records = [f"_PORT._tcp.mx 60 IN TLSA {tlsa(3, 1, 1, OTHER_LEAF)}"]
        async with routed(tmp_path, others, records, shown=ELSEWHERE) as route:
            assert (await told(route) or "").endswith("by DANE")

    run(test)


def test_one_of_several_records_is_enough_so_that_keys_can_change(tmp_path: Path, others: Names) -> None:
    async def test() -> None:
        both = [tlsa(3, 1, 1, OTHER_LEAF), tlsa(3, 1, 1, LEAF)]
        async with routed(tmp_path, others, [f"_PORT._tcp.mx 60 IN TLSA {one}" for one in both]) as route:
            assert (await told(route) or "").endswith("by DANE")

    run(test)


@pytest.mark.parametrize(
    ("bogus", "words"),
    [
        ("_PORT._tcp.mx.signed.test. TLSA", "do not validate"),
        ("mx.signed.test. A", "has an address that 127.0.7.2 can reach: mx.signed.test"),
        ("signed.test. MX", "did not tell the MX"),
    ],
)
def test_security_24_a_bogus_answer_is_a_deferral_and_not_a_downgrade(
    tmp_path: Path, others: Names, bogus: str, words: str
) -> None:
    async def test() -> None:
        records = [f"_PORT._tcp.mx 60 IN TLSA {tlsa(3, 1, 1, LEAF)}"]
        async with routed(tmp_path, others, records, bogus=[bogus]) as route:
            assert words in await withheld(route)

    run(test)


@pytest.mark.parametrize("unusable", ["0 0 1", "1 1 1", "3 2 1", "3 1 7"])
def test_security_24_records_that_cannot_be_used_still_ask_for_tls(
    tmp_path: Path, others: Names, unusable: str
) -> None:
    async def test() -> None:
        records = [f"_PORT._tcp.mx 60 IN TLSA {unusable} {'00' * 32}"]
        async with routed(tmp_path / "with", others, records, shown=STRANGER) as route:
            assert "without a usable record" in (await told(route) or "")
        async with routed(tmp_path / "without", others, records, shown=None) as route:
            assert "no STARTTLS" in await withheld(route)

    run(test)


def test_security_24_records_that_nobody_signed_bind_nobody(tmp_path: Path, others: Names) -> None:
    async def test() -> None:
        wrong = [f"_PORT._tcp.mx 60 IN TLSA {tlsa(3, 1, 1, chain(STRANGER)[0])}"]
        async with routed(tmp_path, others, wrong) as route:
            assert "unverified" in (await told(route, "unsigned.test") or "")
            # The host is signed and the way to it is not: whoever forged the MX needs no certificate of it.
            assert "unverified" in (await told(route, "half.test") or "")
            await withheld(route)

    run(test)


def test_security_24_a_record_that_an_unsigned_zone_holds_binds_nobody(tmp_path: Path, others: Names) -> None:
    others.publish([record("tlsa.unsigned.test", "TLSA", tlsa(3, 1, 1, chain(STRANGER)[0]))])

    async def test() -> None:
        async with routed(tmp_path, others, ["_PORT._tcp.mx 60 IN CNAME tlsa.unsigned.test."]) as route:
            assert "unverified" in (await told(route) or "")

    run(test)


def test_a_domain_without_mx_is_bound_by_the_records_of_its_own_name(tmp_path: Path, others: Names) -> None:
    async def test() -> None:
        records = [f"_PORT._tcp.implicit 60 IN TLSA {tlsa(3, 1, 1, chain(STRANGER)[0])}"]
        async with routed(tmp_path, others, records) as route:
            assert "matches a TLSA record" in await withheld(route, "implicit.signed.test")

    run(test)


def test_a_signed_host_without_records_is_asked_for_nothing(tmp_path: Path, others: Names) -> None:
    async def test() -> None:
        async with routed(tmp_path, others, []) as route:
            assert "unverified" in (await told(route) or "")

    run(test)


def test_a_resolver_that_is_not_said_to_validate_binds_nobody(tmp_path: Path, others: Names) -> None:
    async def test() -> None:
        wrong = [f"_PORT._tcp.mx 60 IN TLSA {tlsa(3, 1, 1, chain(STRANGER)[0])}"]
        async with routed(tmp_path, others, wrong, validating=False) as route:
            assert "unverified" in (await told(route) or "")

    run(test)
