"""A lane against hosts that misbehave: which rows are tried again at once, which later, and how often.

The lane, the resolver and the connection are the sender's own; the hosts are scripts (tests/peers/scripted_host.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import uvloop

from mail.address import parse_mailbox
from mail.message import compile_message
from mail.template import Values
from mail.verp import Tokens
from mta.outbound.compose import Composer, Recipe, Uncomposable
from mta.outbound.desk import Desk
from mta.outbound.job import Job
from mta.outbound.lane import Lane
from mta.outbound.pacing import steady
from mta.outbound.tried import Tried
from mta.outbound.turns import Turns
from net.resolver import Resolver
from net.smtp_connection import Message
from net.smtp_peer import Timeouts
from peers.names import Names, record
from peers.route import road
from peers.scripted_host import ADDRESS, HELLO, Host, Talk, playing
from peers.smuggling import ENDINGS
from peers.smuggling import NAMES as ENDING_NAMES
from policy.rotation import EgressSource
from policy.shaping import Limits as Shape
from store.campaigns import CampaignState
from store.ledger import Claimed

SITE = "remote.test"
SOURCE = EgressSource("127.0.7.2", "out1.mailloft.test", "mailings", 1)
LETTER = b"Subject: hello\r\n\r\nhello\r\n"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    zone = [record(SITE, "MX", f"10 mx.{SITE}."), record(f"mx.{SITE}", "A", ADDRESS)]
    zone += [record("null.test", "MX", "0 .")]
    made = Names(tmp_path_factory.mktemp("names"), zone)
    yield made
    made.stop()


def recipe(**what: Any) -> Recipe:
    base: dict[str, Any] = {
        "project_id": 1, "campaign_id": None, "list_id": 0, "state": CampaignState.RUNNING, "from_domain": "ours.test",
        "reverse_domain": "ours.test", "defaults": {}, "compiled": None, "content": LETTER, "signer": None,
    }  # fmt: skip
    return Recipe(**{**base, **what})


def job(number: int = 1, domain: str = SITE, variables: Values | None = None, retry: str = "campaign") -> Job:
    address = f"reader{number}@{domain}"
    row = Claimed(number, 1, 1, None, address, 0, NOW, None)
    return Job(row, recipe(), parse_mailbox(address), variables or {}, SOURCE, domain, retry)


@dataclass
class Bench:
    """A lane whose results are kept here."""

    lane: Lane
    tried: list[Tried]
    returned: list[Job]

    async def results(self, count: int) -> list[int | None]:
        for _ in range(600):
            if len(self.tried) >= count:
                return [one.heard.reply.code if one.heard.reply else None for one in self.tried]
            await asyncio.sleep(0.01)
        raise AssertionError(f"{len(self.tried)} of {count} rows have a result, {self.lane.load} are in the lane")


async def nothing_large(_: Job) -> Message | None:
    raise AssertionError("no row of these tests is large")


@asynccontextmanager
async def lane_to(port: int, names: Names, connections: int = 1, each: int = 100) -> AsyncIterator[Bench]:
    times = Timeouts(*(timedelta(seconds=1) for _ in range(6)))
    pace = steady(Shape(connections, each, timedelta(seconds=0.3)))

    def octets(one: Job) -> tuple[str, str, bytes]:
        return "b+token@ours.test", one.row.address, LETTER

    tried: list[Tried] = []
    returned: list[Job] = []
    desk = Desk(octets, tried.append, lambda one, _: returned.append(one), lambda: True, nothing_large, Turns())
    resolver = Resolver([names.listening], timedelta(seconds=2))
    bench = Bench(Lane(SOURCE, SITE, pace, road(resolver, port, times), desk), tried, returned)
    yield bench
    await bench.lane.stop(timedelta(seconds=1))


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 20))


async def taking(talk: Talk) -> None:
    """A host that takes message after message."""
    await talk.greet()
    while (line := await talk.line()).startswith((b"MAIL", b"RSET")):
        talk.say(b"250 ok\r\n")
        if line.startswith(b"MAIL"):
            await talk.line()
            talk.say(b"250 ok\r\n")
            await talk.line()
            talk.say(b"354 go on\r\n")
            await talk.message()
            talk.say(b"250 taken\r\n")
    talk.say(b"221 bye\r\n")


def messages(host: Host) -> int:
    return sum(bytes(talk.heard).count(b"\r\n.\r\n") for talk in host.talks)


def test_a_host_whose_tls_is_broken_gets_its_mail_in_clear_and_is_asked_for_tls_once(names: Names) -> None:
    async def script(talk: Talk) -> None:
        if talk.number > 1:
            await taking(talk)
            return
        await talk.greet(b"250-here\r\n250 STARTTLS\r\n")
        await talk.line()
        talk.say(b"220 go ahead\r\n")
        await talk.block()
        talk.say(b"\x15\x03\x01\x00\x02\x02\x28")

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names, each=1) as bench:
            for number in range(3):
                bench.lane.push(job(number))
            assert await bench.results(3) == [250, 250, 250]
            assert [one.attempt.tls for one in bench.tried] == [None, None, None]
            assert sum(b"STARTTLS" in talk.heard for talk in host.talks) == 1
            assert len(host.talks) == 4

    run(test)


def test_a_kept_connection_that_ends_under_a_message_costs_it_no_attempt(names: Names) -> None:
    async def script(talk: Talk) -> None:
        if talk.number > 1:
            await taking(talk)
            return
        await talk.greet()
        await talk.take()
        await talk.line()  # and hangs up without a word

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            bench.lane.push(job(1))
            bench.lane.push(job(2))
            assert await bench.results(2) == [250, 250]
            assert (len(host.talks), messages(host)) == (2, 2)

    run(test)


def test_the_envelope_of_a_row_that_waits_rides_with_the_dot_of_the_one_before(names: Names) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.line()
        for number in range(3):
            await talk.line()
            await talk.line()
            talk.say(b"250 ok\r\n250 ok\r\n354 go on\r\n")
            await talk.message()
            if number < 2:
                assert (await asyncio.wait_for(talk.line(), 5)).startswith(b"MAIL")  # before we answered
            talk.say(b"250 taken\r\n")
        assert await talk.line() == b"QUIT\r\n"

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            for number in range(3):
                bench.lane.push(job(number))
            assert await bench.results(3) == [250, 250, 250]
            await host.ended()
            assert len(host.talks) == 1

    run(test)


def test_rows_that_ride_behind_each_other_are_each_taken_once_though_the_host_hangs_up(names: Names) -> None:
    async def script(talk: Talk) -> None:
        """Hangs up behind every third message, whatever was announced behind it."""
        await talk.greet()
        for _ in range(3):
            await talk.take()

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            for number in range(10):
                bench.lane.push(job(number))
            assert await bench.results(10) == [250] * 10
            assert sorted(one.job.row.recipient_id for one in bench.tried) == list(range(10))
            assert messages(host) == 10
            assert len(host.talks) == 4
            assert bench.returned == []
            assert bench.lane.load == 0

    run(test)


def test_a_deaf_host_is_told_nothing_behind_the_dot_any_more(names: Names) -> None:
    alone: list[bool] = []

    async def script(talk: Talk) -> None:
        await talk.greet()
        while await talk.line():
            talk.say(b"250 ok\r\n")
            for reply in (b"250 ok\r\n", b"354 go on\r\n"):
                await talk.line()
                talk.say(reply)
            alone.append((await talk.block()).endswith(b"\r\n.\r\n"))
            talk.say(b"250 taken\r\n")

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            for number in range(5):
                bench.lane.push(job(number))
            assert await bench.results(5) == [250] * 5
            assert messages(host) == 5
            assert alone == [False, True, True, True, True]

    run(test)


def test_a_stop_hands_back_the_row_that_was_announced(names: Names) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.block()
        await asyncio.sleep(0.3)
        talk.say(b"250 taken\r\n250 ok\r\n250 ok\r\n354 go on\r\n")
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            for number in range(3):
                bench.lane.push(job(number))
            while not host.talks or b"\r\n.\r\n" not in host.talks[0].heard:  # noqa: ASYNC110 - a script's word
                await asyncio.sleep(0.01)
            assert bench.lane.load == 3
            await bench.lane.stop(timedelta(seconds=2))
            assert await bench.results(1) == [250]
            assert sorted(one.row.recipient_id for one in bench.returned) == [1, 2]
            assert messages(host) == 1
            assert bench.lane.load == 0

    run(test)


def test_a_row_announced_on_a_connection_that_ends_waits_again_where_no_host_takes_another(names: Names) -> None:
    async def script(talk: Talk) -> None:
        if talk.number > 1:
            talk.say(b"554 no\r\n")
            return
        await talk.greet()
        await talk.take()
        await talk.envelope()
        await talk.block()
        talk.break_off()

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            for number in range(5):
                bench.lane.push(job(number))
            heard = await bench.results(5)
            assert heard[:2] == [250, None]
            assert sorted(one.job.row.recipient_id for one in bench.tried) == list(range(5))
            assert len(host.talks) == 2  # one try for all that waited
            assert bench.returned == []

    run(test)


def test_it_is_tried_on_one_new_connection_and_not_on_a_third(names: Names) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        if talk.number == 1:
            await talk.take()
        await talk.line()

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            bench.lane.push(job(1))
            bench.lane.push(job(2))
            assert await bench.results(2) == [250, None]
            await asyncio.sleep(0.1)
            assert len(host.talks) == 2

    run(test)


def test_what_was_sent_whole_is_not_sent_again_at_once_when_no_answer_came(names: Names) -> None:
    """The host may have it: only the retry plan may repeat it."""

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.take()
        await talk.envelope()
        await talk.message()

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            bench.lane.push(job(1))
            bench.lane.push(job(2))
            assert await bench.results(2) == [250, None]
            await asyncio.sleep(0.1)
            assert (len(host.talks), messages(host)) == (1, 2)

    run(test)


def test_a_row_that_comes_while_the_last_connection_says_quit_is_carried(names: Names) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.take()
        if talk.number == 1:
            assert await talk.line() == b"QUIT\r\n"
            await asyncio.sleep(0.5)

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            bench.lane.push(job(1))
            await bench.results(1)
            await asyncio.sleep(0.45)  # idle is over, QUIT is said and not answered
            assert b"QUIT" in host.talks[0].heard
            bench.lane.push(job(2))
            assert await bench.results(2) == [250, 250]

    run(test)


def test_mail_that_somebody_waits_for_overtakes_the_campaign_in_the_lane(names: Names) -> None:
    async def test() -> None:
        async with playing(taking) as host, lane_to(host.port, names) as bench:
            for number in range(6):
                bench.lane.push(job(number))
            bench.lane.push(job(8, retry="submission"))
            bench.lane.push(job(7, retry="transactional"))
            await bench.results(8)
            order = [one.job.row.recipient_id for one in bench.tried]
        assert order[:2] == [7, 8]
        assert order[2:] == [0, 1, 2, 3, 4, 5]

    run(test)


def test_a_site_that_takes_no_connection_costs_one_try_for_all_that_waits(names: Names) -> None:
    async def script(talk: Talk) -> None:
        talk.say(b"554 5.7.1 not from you\r\n")

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            for number in range(50):
                bench.lane.push(job(number))
            # A greeting is about us: nobody's address is wrong, so no reply stands as a verdict.
            assert await bench.results(50) == [None] * 50
            assert all("not from you" in one.heard.words for one in bench.tried)
            assert len(host.talks) == 1

    run(test)


def test_a_second_connection_that_is_refused_leaves_the_rows_to_the_first(names: Names) -> None:
    async def script(talk: Talk) -> None:
        if talk.number > 1:
            talk.say(b"421 4.7.0 one is enough\r\n")
        else:
            await taking(talk)

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names, connections=3) as bench:
            bench.lane.push(job(0))
            await bench.results(1)
            for number in range(1, 30):
                bench.lane.push(job(number))
            assert await bench.results(30) == [250] * 30
            assert messages(host) == 30

    run(test)


def test_a_domain_that_takes_no_mail_does_not_defer_its_neighbours(names: Names) -> None:
    async def test() -> None:
        async with playing(taking) as host, lane_to(host.port, names) as bench:
            bench.lane.push(job(1, "null.test"))
            bench.lane.push(job(3, "no.such.test"))
            bench.lane.push(job(2))
            assert sorted(str(code) for code in await bench.results(3)) == ["250", "550", "556"]
            assert messages(host) == 1

    run(test)


def test_stopping_hands_back_what_waits_and_lets_end_what_is_on_the_wire(names: Names) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.envelope()
        await talk.message()
        await asyncio.sleep(0.3)
        talk.say(b"250 taken\r\n")
        await talk.rest()

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            for number in range(5):
                bench.lane.push(job(number))
            await asyncio.sleep(0.1)
            await bench.lane.stop(timedelta(seconds=3))
            assert await bench.results(1) == [250]
            assert sorted(one.row.recipient_id for one in bench.returned) == [1, 2, 3, 4]
            assert messages(host) == 1

    run(test)


# What goes over the wire

CRLF_INJECTION = (
    "Ann\r\nBcc: victim@other.test\r\n\r\n.\r\nMAIL FROM:<evil@other.test>\r\nRCPT TO:<victim@other.test>\r\nDATA\r\n"
)


def carried(names: Names, made: bytes) -> bytes:
    """What the host took: exactly one message, without its dot-stuffing undone."""
    taken: list[bytes] = []

    async def script(talk: Talk) -> None:
        await talk.greet(HELLO)
        await talk.envelope()
        taken.append(await talk.message())
        talk.say(b"250 taken\r\n")
        assert (await talk.rest()).count(b"MAIL FROM:<b+") == 1
        assert bytes(talk.heard).endswith(b"\r\n.\r\nQUIT\r\n") or bytes(talk.heard).endswith(b"\r\n.\r\n")

    async def test() -> None:
        async with playing(script) as host, lane_to(host.port, names) as bench:
            bench.lane._desk = Desk(
                lambda one: ("b+token@ours.test", one.row.address, made),
                bench.tried.append, lambda *_: None, lambda: True, nothing_large, Turns(),
            )  # fmt: skip
            bench.lane.push(job())
            assert await bench.results(1) == [250]

    run(test)
    (octets,) = taken
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", octets), "a bare CR or LF"
    return octets


def composed(variables: Values, **what: Any) -> bytes:
    one = job(variables=variables)
    made = Composer(Tokens(bytes(range(32))), "https://ours.test").compose(
        recipe(**what), one.row, variables, one.forward, NOW
    )
    return made.content


def test_security_02_a_client_with_crlf_in_a_variable_is_one_message_with_clean_headers(names: Names) -> None:
    compiled = compile_message(
        from_address=parse_mailbox("news@ours.test"), from_name="News", subject="Hello {{ name }}",
        html="<p>Hello {{ name }}</p>", text="Hello {{ name }}\n", seed="message-1", attachments=[],
    )  # fmt: skip
    plain = composed({"name": "Ann"}, compiled=compiled, campaign_id=1)
    made = composed({"name": CRLF_INJECTION}, compiled=compiled, campaign_id=1)
    before, after = (message_from_bytes(carried(names, octets), policy=policy.default) for octets in (plain, made))
    assert before.keys() == after.keys()
    assert after["Bcc"] is None
    assert [part.get_content_type() for part in after.walk()] == [part.get_content_type() for part in before.walk()]


@pytest.mark.parametrize(
    "body", [b".\r\n", b"..\r\n.x\r\n", b"a\r\n.\r\nQUIT\r\n", b"\r\n.\r\n", b"no ending", b".", b"a\r\n."]
)
def test_security_02_a_line_of_one_dot_ends_no_message(names: Names, body: bytes) -> None:
    content = b"Subject: dots\r\n\r\n" + body
    octets = carried(names, composed({}, content=content))
    undone = re.sub(rb"(^|\r\n)\.", rb"\1", octets)
    assert undone == content + (b"" if content.endswith(b"\r\n") else b"\r\n")


@pytest.mark.parametrize("ending", ENDINGS, ids=ENDING_NAMES)
@pytest.mark.parametrize("place", ["html", "text", "variable"])
def test_security_02_nothing_of_a_campaign_can_be_taken_for_its_end(names: Names, ending: bytes, place: str) -> None:
    evil = f"first{ending.decode()}MAIL FROM:<b+evil@other.test>\r\nRCPT TO:<victim@other.test>\r\nDATA\r\nx"
    parts = {"html": "<p>Hello {{ name }}</p>", "text": "Hello {{ name }}\n"}
    parts |= {place: evil} if place in parts else {}
    try:
        compiled = compile_message(
            from_address=parse_mailbox("news@ours.test"), from_name="News", subject="x", seed="s", attachments=[],
            **parts,
        )  # fmt: skip
        made = composed({"name": evil}, compiled=compiled, campaign_id=1)
    except (ValueError, Uncomposable):
        return  # refused by name when it is made
    octets = carried(names, made)  # one message, no bare CR or LF
    assert octets.count(b"\r\n.") == octets.count(b"\r\n..")
    assert b"\0" not in octets


@pytest.mark.parametrize("field_of_ours", ["from_name", "subject"])
def test_security_02_a_field_of_ours_with_crlf_adds_no_header(names: Names, field_of_ours: str) -> None:
    words = {"from_name": "News", "subject": "Hello"} | {field_of_ours: "News\r\nBcc: victim@other.test"}
    try:
        compiled = compile_message(
            from_address=parse_mailbox("news@ours.test"), html="<p>x</p>", text="x", seed="s", attachments=[], **words
        )
        made = composed({}, compiled=compiled, campaign_id=1)
    except (ValueError, Uncomposable):
        return
    assert message_from_bytes(carried(names, made))["Bcc"] is None
