"""Security 15: name servers that lie, loop, bloat or keep silent cost a bounded time and a bounded memory."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.inbound.authenticate import Authenticator, Peer
from mta.inbound.dmarc_tally import DmarcTally
from mta.inbound.judging import Judging
from mta.inbound.lookups import QUESTIONS, Budget, iprev
from mta.inbound.verifiers import check_spf
from net.answer_cache import LARGEST, LONGEST, AnswerCache
from net.resolver import Resolver, Standing
from role.log import EventLog
from store.settings import Authentication

Says = Callable[[dns.message.Message], bytes | None]


class Server:
    """Answers each question on UDP and TCP with whatever octets `says` gives; `asked` counts them."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self.asked = 0
        self._tcp, self._udp = _both()
        self.port = self._udp.getsockname()[1]
        for one in (self._datagrams, self._streams):
            threading.Thread(target=one, daemon=True).start()

    def _answer(self, octets: bytes) -> bytes | None:
        self.asked += 1
        return self._says(dns.message.from_wire(octets))

    def _datagrams(self) -> None:
        while True:
            try:
                octets, peer = self._udp.recvfrom(65535)
            except OSError:
                return
            answer = self._answer(octets)
            if answer is not None and len(answer) > 1232:
                cut = dns.message.make_response(dns.message.from_wire(octets))
                cut.flags |= dns.flags.TC
                answer = cut.to_wire()
            if answer is not None:
                self._udp.sendto(answer, peer)

    def _streams(self) -> None:
        while True:
            try:
                talk, _ = self._tcp.accept()
            except OSError:
                return
            with talk:
                length = struct.unpack("!H", talk.recv(2))[0]
                answer = self._answer(talk.recv(length))
                if answer is not None:
                    talk.sendall(struct.pack("!H", len(answer)) + answer)

    def close(self) -> None:
        self._udp.close()
        self._tcp.close()


def _both() -> tuple[socket.socket, socket.socket]:
    """A port that is free for streams and for datagrams."""
    while True:
        streams = socket.create_server(("127.0.0.1", 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(streams.getsockname())
        except OSError:
            streams.close()
            datagrams.close()
            continue
        return streams, datagrams


@contextmanager
def serving(says: Says, seconds: float = 0.6) -> Iterator[tuple[Resolver, Server]]:
    server = Server(says)
    yield Resolver([f"127.0.0.1:{server.port}"], timedelta(seconds=seconds)), server
    server.close()


def reply(question: dns.message.Message, *rrsets: tuple[str, str, str], ttl: int = 60) -> bytes:
    """(owner, type, value): in the answer section as they are, whatever was asked."""
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.RA
    for owner, kind, value in rrsets:
        answer.answer.append(dns.rrset.from_text(owner, ttl, "IN", kind, value))
    return answer.to_wire(max_size=65535)


def asked_for(question: dns.message.Message) -> str:
    return question.question[0].name.to_text()


def test_an_answer_for_another_name_is_none() -> None:
    with serving(lambda asked: reply(asked, ("other.test.", "A", "192.0.2.1"))) as (resolver, _):
        assert resolver.ask_now("a.test", "A").records == ()


def test_a_loop_of_aliases_and_a_chain_without_end_are_failures() -> None:
    loop = [("a.test.", "CNAME", "b.test."), ("b.test.", "CNAME", "a.test.")]
    chain = [(f"n{at}.test.", "CNAME", f"n{at + 1}.test.") for at in range(60)]
    for links, name in ((loop, "a.test"), (chain, "n0.test")):
        with serving(lambda asked, links=links: reply(asked, *links)) as (resolver, server):  # type: ignore[misc]  # links is bound
            assert resolver.ask_now(name, "A").records == ()
            assert server.asked < 10


def test_a_huge_answer_is_used_but_not_kept() -> None:
    text = " ".join('"' + "x" * 250 + '"' for _ in range(200))
    with serving(lambda asked: reply(asked, (asked_for(asked), "TXT", text))) as (resolver, server):
        for _ in range(2):
            assert len(resolver.ask_now("a.test", "TXT").records[0].strings) == 200  # type: ignore[attr-defined]  # TXT
        assert server.asked == 4  # each over UDP, then over TCP


def test_an_answer_is_kept_for_its_time_and_a_failure_is_not() -> None:
    with serving(lambda asked: reply(asked, (asked_for(asked), "A", "192.0.2.1"))) as (resolver, server):
        for name in ("a.test", "A.test."):
            assert resolver.ask_now(name, "A").standing is Standing.FOUND
        assert server.asked == 1
    with serving(lambda asked: reply(asked, (asked_for(asked), "A", "192.0.2.1"), ttl=0)) as (resolver, server):
        for _ in range(2):
            resolver.ask_now("a.test", "A")
        assert server.asked == 2


@pytest.mark.parametrize("octets", [b"", b"\0" * 12, b"\xff" * 600, b"\x00\x01" + b"\xc0\x0c" * 50])
def test_octets_that_are_no_answer_are_a_failure_in_time(octets: bytes) -> None:
    def says(asked: dns.message.Message) -> bytes:
        return struct.pack("!H", asked.id) + octets[2:] if octets else b""

    with serving(says, 0.4) as (resolver, _):
        assert resolver.ask_now("a.test", "A").standing is Standing.TEMPORARY


def test_a_silent_server_costs_one_budget_whatever_a_record_asks_for() -> None:
    wide = "v=spf1 " + " ".join(f"a:h{n}.a.test mx:h{n}.a.test" for n in range(5)) + " -all"

    def says(asked: dns.message.Message) -> bytes | None:
        return reply(asked, ("a.test.", "TXT", f'"{wide}"')) if asked_for(asked) == "a.test." else None

    with serving(says, 0.3) as (resolver, server):
        budget = Budget(resolver, 0.5)
        assert check_spf(budget.ask, "192.0.2.1", "x@a.test", "a.test", "us.test") == "temperror"
        assert budget.ask("b.test", "A") is None
        asked = server.asked
        for number in range(50):
            assert budget.ask(f"c{number}.test", "A") is None
        assert server.asked <= asked + 2


def test_one_message_asks_a_bounded_number_of_questions() -> None:
    with serving(lambda asked: reply(asked, (asked_for(asked), "A", "192.0.2.1"))) as (resolver, server):
        budget = Budget(resolver, 30)
        for number in range(QUESTIONS + 20):
            budget.ask(f"n{number}.test", "A")
        assert server.asked == QUESTIONS


def test_pointers_that_bloat_are_asked_for_a_few_only() -> None:
    def says(asked: dns.message.Message) -> bytes:
        if asked_for(asked).endswith("arpa."):
            names = [(asked_for(asked), "PTR", f"{'x' * 60}{n}.{'y' * 60}.{'z' * 60}.test.") for n in range(100)]
            return reply(asked, *names)
        return reply(asked, (asked_for(asked), "A", "192.0.2.9"))

    with serving(says) as (resolver, server):
        assert iprev(Budget(resolver, 5).ask, "192.0.2.1") == "fail"
        assert server.asked <= 6


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, LARGEST + 100), st.integers(0, 50)), max_size=120))
def test_the_cache_never_outgrows_its_room(puts: list[tuple[int, int, int]]) -> None:
    cache: AnswerCache[int] = AnswerCache(60_000)
    now = 0.0
    for name, octets, seconds in puts:
        now += 1
        cache.put((str(name), "A"), name, octets, now + seconds, now)
        assert len(cache) * 1_000 <= 60_000
        found = cache.get(str(name), "A", now)
        assert found in (name, None)
        if octets <= LARGEST and seconds:
            assert found == name
        assert cache.get(str(name), "A", now + LONGEST + 1) is None


def test_who_sends_from_silent_zones_holds_up_himself_and_nobody_else() -> None:
    def says(asked: dns.message.Message) -> bytes | None:
        return reply(asked, ("good.test.", "TXT", '"v=spf1 +all"')) if asked_for(asked) == "good.test." else None

    async def talk(resolver: Resolver) -> list[str]:
        ended: list[str] = []
        unused: Any = None
        rules = Authentication(organization="list")
        judge = Authenticator(resolver, "us.test", rules, bytes(32), DmarcTally(unused, EventLog("mx")))
        judging = Judging(judge, threads=4, each=2)

        async def send(peer: str, domain: str) -> None:
            await judging.authenticate(Peer(peer, "helo.test"), f"x@{domain}", b"Subject: x\r\n\r\nBody\r\n")
            ended.append(domain)

        slow = [asyncio.create_task(send("192.0.2.1", f"s{n}.silent.test")) for n in range(6)]
        await asyncio.sleep(0)
        await send("198.51.100.1", "good.test")
        await asyncio.gather(*slow)
        judging.close()
        return ended

    with serving(says, 0.3) as (resolver, _):
        # The first two of the slow ones began before; the other four waited behind them, and not in the good one's way.
        assert "good.test" in asyncio.run(talk(resolver))[:3]


def test_what_is_known_is_judged_at_once_and_nobody_is_asked_there() -> None:
    zone = {
        "good.test.": ("TXT", '"v=spf1 ip4:192.0.2.1 -all"'), "_dmarc.good.test.": ("TXT", '"v=DMARC1; p=reject"'),
        "1.2.0.192.in-addr.arpa.": ("PTR", "good.test."),
    }  # fmt: skip
    address = ("good.test.", "A", "192.0.2.1")

    def says(asked: dns.message.Message) -> bytes:
        kind = dns.rdatatype.to_text(asked.question[0].rdtype)
        found = zone.get(asked_for(asked))
        return reply(asked, (asked_for(asked), *found) if found and found[0] == kind else address)

    mail, now, unused = b"From: carl@good.test\r\n\r\nGood day.\r\n", datetime.now(UTC), SimpleNamespace()
    with serving(says, 5) as (resolver, server):
        tally = DmarcTally(cast("Any", unused), EventLog("mx"))
        judge = Authenticator(resolver, "us.test", Authentication(organization="list"), bytes(32), tally)

        def at_once(content: bytes, domain: str = "good.test") -> bytes | None:
            found = judge.at_once(Peer("192.0.2.1", "helo.test"), f"x@{domain}", content, now)
            return found and found.header

        assert at_once(mail) is None
        whole = judge.authenticate(Peer("192.0.2.1", "helo.test"), "x@good.test", mail, now)
        assert (whole.verdict.result.value, whole.results.iprev) == ("pass", "pass")
        before = server.asked
        assert at_once(mail) == whole.header
        assert at_once(mail, "unknown.test") is None
        assert at_once(mail.replace(b"carl@good", b"carl@other")) is None  # its DMARC record is not known
        assert at_once(mail + b"x" * 100_000) is None
        assert at_once(b"ARC-Seal: i=1\r\n" + mail) is None
        assert server.asked == before


def test_a_name_that_does_not_exist_exists_for_no_type() -> None:
    cache: AnswerCache[str] = AnswerCache(60_000)
    cache.put(("a.test", ""), "no", 0, 5.0, 1.0)
    assert (cache.get("a.test", "MX", 2.0), cache.get("a.test", "A", 6.0)) == ("no", None)


def test_what_was_not_used_longest_makes_room() -> None:
    cache: AnswerCache[int] = AnswerCache(60_000)
    for number in range(200):
        cache.put((str(number), "A"), number, 1_000, 1e9, 0.0)
        assert cache.get("0", "A", 1.0) == 0
    assert len(cache) <= 30
    assert (cache.get("199", "A", 1.0), cache.get("1", "A", 1.0)) == (199, None)
