"""What destinations bear, as they count it themselves: the sender role against small hosts on loopback."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from peers.counting_host import Street, street
from peers.names import Names, record
from peers.rows import Made, launch, make_campaign
from peers.sending import sending, settings_of, until
from policy.shaping import EVERYWHERE, Action, Reaction
from store import breakers, campaign_progress, clients, reactions, sites
from store.campaign_content import Content
from store.stores import Stores

HOSTS = ("127.0.8.1", "127.0.8.2", "127.0.8.3")
FIRST = {"address": "127.0.7.11", "ehlo": "out1.ours.test"}
SECOND = {"address": "127.0.7.12", "ehlo": "out2.ours.test"}
ZONE = [
    record("mx1.big.test", "A", HOSTS[0]), record("mx2.big.test", "A", HOSTS[1]),
    record("mx.small.test", "A", HOSTS[2]),
    record("one.test", "MX", "10 mx1.big.test."), record("two.test", "MX", "10 mx2.big.test."),
    record("three.test", "MX", "10 mx2.big.test."),
    record("mixed.test", "MX", "10 mx1.big.test."), record("mixed.test", "MX", "20 mx.small.test."),
    record("small.test", "MX", "10 mx.small.test."),
    record("out1.ours.test", "A", "127.0.7.11"), record("11.7.0.127.in-addr.arpa", "PTR", "out1.ours.test."),
]  # fmt: skip
LETTER = Content("Hello", "<p>Hello</p>", "Hello", {}, ())


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    made = Names(tmp_path_factory.mktemp("names"), ZONE)
    yield made
    made.stop()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 60))


def table(folder: Path, text: str) -> dict[str, str]:
    file = folder / "shaping.toml"
    file.write_text(f'[provider.big]\nmatch = [".big.test"]\n{text}')
    return {"file": str(file)}


def addresses(count: int, *domains: str) -> list[str]:
    return [f"reader{number}@{domains[number % len(domains)]}" for number in range(count)]


async def launched(stores: Stores, made: Made) -> None:
    """Once the sender has asked for the MX of every domain."""

    def asked() -> bool:
        with stores.core.database.read() as core:
            return not sites.unasked(core, datetime.now(UTC) - timedelta(days=1), 1)

    await until(asked, "the domains' sites are known")
    launch(stores, made)


async def counted(stores: Stores, made: Made, state: str, count: int, seconds: float = 20.0) -> None:
    await until(lambda: made.counts(stores)[state] == count, f"{count} rows are {state}", seconds)


def ratings(stores: Stores, made: Made) -> Counter[int]:
    with stores.core.database.read() as core:
        return Counter(one.rating for one in clients.page(core, made.project_id, made.list_id, 0, 1000))


def held(stores: Stores) -> list[Reaction]:
    with stores.core.database.read() as core:
        return reactions.holding(core, datetime.now(UTC))


def taken_by(town: Street) -> Counter[str]:
    return Counter(source for _, _, source, _ in town.taken)


def test_a_provider_never_counts_more_connections_than_it_bears_from_all_our_sources(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    made = make_campaign(stores, addresses(160, "one.test", "two.test", "three.test", "mixed.test"), LETTER)
    shaping = table(tmp_path, "connections = 5\nprovider_connections = 3\nmessages_per_connection = 7\n")

    async def test() -> None:
        async with street(HOSTS, pause=0.01) as town:
            settings = settings_of(names.listening, town.port, [FIRST, SECOND], shaping=shaping)
            at_big: list[int] = []

            def answer(*_: Any) -> None:
                at_big.append(sum(pace.slots for name, pace in sender._pacing._sites.items() if name == "big"))

            town.answer = answer
            async with sending(tmp_path, stores, settings) as sender:
                await launched(stores, made)
                await counted(stores, made, "delivered", 160)
            with stores.core.database.read() as core:
                found = sites.of(core, {"one.test", "two.test", "three.test", "mixed.test"})
            assert found == {"one.test": "big", "two.test": "big", "three.test": "big", "mixed.test": "mixed.test"}
            assert max(at_big) == 3
            assert set(taken_by(town)) == {FIRST["address"], SECOND["address"]}
            # A host gets mail for its own domains alone, though the site is one.
            at_host = {(host, domain(recipient)) for _, host, _, recipient in town.taken}
            assert at_host == {
                (HOSTS[0], "one.test"), (HOSTS[1], "two.test"), (HOSTS[1], "three.test"), (HOSTS[0], "mixed.test")
            }  # fmt: skip

    run(test)


def domain(recipient: str) -> str:
    return recipient.rpartition("@")[2]


def test_the_cap_holds_as_the_hosts_count_it(tmp_path: Path, stores: Stores, names: Names) -> None:
    made = make_campaign(stores, addresses(150, "one.test", "two.test", "three.test"), LETTER)
    shaping = table(tmp_path, "connections = 5\nprovider_connections = 2\nmessages_per_connection = 5\n")

    async def test() -> None:
        async with street(HOSTS, pause=0.005) as town:
            settings = settings_of(names.listening, town.port, [FIRST, SECOND], shaping=shaping)
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await counted(stores, made, "delivered", 150)
            assert town.most_open == 2
            assert min(taken_by(town).values()) > 20
            assert len(town.connections) >= 150 / 5

    run(test)


def test_two_sources_share_what_bears_one_connection(tmp_path: Path, stores: Stores, names: Names) -> None:
    made = make_campaign(stores, addresses(120, "one.test"), LETTER)
    shaping = table(tmp_path, "provider_connections = 1\nmessages_per_connection = 5\n")

    async def test() -> None:
        async with street(HOSTS, pause=0.005) as town:
            settings = settings_of(names.listening, town.port, [FIRST, SECOND], shaping=shaping)
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await counted(stores, made, "delivered", 120)
            assert town.most_open == 1
            assert len({source for _, _, source, _ in town.taken[:20]}) == 2

    run(test)


@pytest.mark.alone
def test_a_rate_is_held_and_blocks_no_other_site(tmp_path: Path, stores: Stores, names: Names) -> None:
    made = make_campaign(stores, [*addresses(60, "one.test"), *addresses(100, "small.test")], LETTER)
    shaping = table(tmp_path, 'message_rate = "20/s"\n')

    async def test() -> None:
        async with street(HOSTS) as town:
            settings = settings_of(names.listening, town.port, [FIRST], shaping=shaping)
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await counted(stores, made, "delivered", 160)
            at_big = [when for when, host, _, _ in town.taken if host == HOSTS[0]]
            at_small = [when for when, host, _, _ in town.taken if host == HOSTS[2]]
            for first in range(60):
                for last in range(first, 60):
                    assert last - first + 1 <= 20 * (at_big[last] - at_big[first] + 0.1) + 20
            assert at_small[-1] < at_big[-1] - 0.5

    run(test)


def test_a_rule_slows_after_so_many_answers_and_the_site_comes_back(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    made = make_campaign(stores, addresses(60, "one.test"), LETTER)
    rule = '[[provider.big.rules]]\nmatch = "slow down"\ncount = 3\nwithin = 60\nlasts = 2\nmessage_rate = "3/s"\n'

    def answer(_source: str, _recipient: str, number: int) -> bytes | None:
        return b"451 4.7.0 please slow down\r\n" if number in (5, 6, 7) else None

    async def test() -> None:
        async with street(HOSTS, answer, pause=0.01) as town:
            settings = settings_of(
                names.listening, town.port, [FIRST], shaping=table(tmp_path, f"connections = 1\n{rule}")
            )
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await until(lambda: len(town.refused) == 3, "three were refused")
                await until(lambda: held(stores), "the reaction is kept")
                (reaction,) = held(stores)
                assert (reaction.site, reaction.source, reaction.action) == ("big", FIRST["address"], Action.MESSAGES)
                assert "slow down" in reaction.origin
                await counted(stores, made, "delivered", 60)
            third = town.refused[-1][0]
            slow = [when for when, *_ in town.taken if third < when < third + 2]
            assert 1 <= len(slow) <= 3 * 2 + 3
            # In doubling steps, not at once: what waited would go in the next half second.
            assert len([when for when, *_ in town.taken if third + 2 <= when < third + 2.5]) <= 15

    run(test)


def test_a_blocked_source_rests_its_mail_goes_by_the_other_and_no_rating_falls(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    made = make_campaign(stores, addresses(80, "small.test"), LETTER)
    before = ratings(stores, made)

    def answer(source: str, _recipient: str, _number: int) -> bytes | None:
        return b"550 5.7.1 Service unavailable; blocked using zen.spamhaus.org\r\n" if source == "127.0.7.11" else None

    async def test() -> None:
        async with street(HOSTS, answer) as town:
            settings = settings_of(names.listening, town.port, [FIRST, SECOND], outbound={"connections": 1})
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await counted(stores, made, "delivered", 80)
            assert set(taken_by(town)) == {SECOND["address"]}
            assert 5 <= len(town.refused) < 40
            (reaction,) = held(stores)
            assert (reaction.site, reaction.source, reaction.action) == ("small.test", "127.0.7.11", Action.REST)
            assert ratings(stores, made) == before

    run(test)


def test_a_row_that_one_source_is_refused_for_goes_by_another_at_once(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    made = make_campaign(stores, addresses(60, "small.test"), LETTER)

    def answer(source: str, recipient: str, _number: int) -> bytes | None:
        refused = source == "127.0.7.11" and int(recipient.removeprefix("reader").partition("@")[0]) % 4 == 0
        return b"550 5.7.1 your IP has a poor reputation\r\n" if refused else None

    async def test() -> None:
        async with street(HOSTS, answer) as town:
            never = {"sick_refusals": 1000}
            settings = settings_of(names.listening, town.port, [FIRST, SECOND], shaping=never)
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await counted(stores, made, "delivered", 60)
            assert town.refused
            assert held(stores) == []

    run(test)


def test_where_every_source_is_blocked_rows_end_after_one_further_try(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    made = make_campaign(stores, addresses(12, "small.test"), LETTER)
    before = ratings(stores, made)

    async def test() -> None:
        async with street(HOSTS, lambda *_: b"550 5.7.1 blocked using zen.spamhaus.org\r\n") as town:
            never = {"sick_refusals": 1000}
            settings = settings_of(names.listening, town.port, [FIRST, SECOND], shaping=never)
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await counted(stores, made, "failed", 12)
            assert max(Counter(recipient for *_, recipient in town.refused).values()) <= 2
            assert ratings(stores, made) == before

    run(test)


def test_a_rest_outlives_a_restart_and_blocks_no_other_site(tmp_path: Path, stores: Stores, names: Names) -> None:
    made = make_campaign(stores, [*addresses(40, "one.test"), *addresses(40, "small.test")], LETTER)
    until_then = datetime.now(UTC) + timedelta(hours=1)
    rest = Reaction("big", EVERYWHERE, Action.REST, 0, until_then, timedelta(hours=1), "told before")
    stores.core.journal.run(lambda tx: reactions.save(tx, [rest], datetime.now(UTC)))

    async def test() -> None:
        async with street(HOSTS) as town:
            settings = settings_of(names.listening, town.port, [FIRST], shaping=table(tmp_path, ""))
            async with sending(tmp_path, stores, settings) as sender:
                await launched(stores, made)
                await counted(stores, made, "delivered", 40)
                await asyncio.sleep(0.3)
                assert {host for _, host, _, _ in town.taken} == {HOSTS[2]}
                assert made.counts(stores)["queued"] == 40
                # Nor is it looked at again and again: the flow is not even offered.
                assert sender._offering.look(sender._pacing.resting()) == []

    run(test)


def test_a_source_being_warmed_up_sends_its_part_of_a_day_and_warm_ones_the_rest(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    made = make_campaign(stores, [*addresses(60, "small.test"), *addresses(30, "one.test")], LETTER)
    plan = "[warmup.slow]\nbig = [3, 1000]\ndefault = [7, 1000]\n"
    young = {**FIRST, "warmup": datetime.now(UTC).date().isoformat(), "plan": "slow", "weight": 9}

    async def test() -> None:
        async with street(HOSTS) as town:
            settings = settings_of(names.listening, town.port, [young, SECOND], shaping=table(tmp_path, plan))
            async with sending(tmp_path, stores, settings):
                await launched(stores, made)
                await counted(stores, made, "delivered", 90)
            assert Counter(host for _, host, source, _ in town.taken if source == FIRST["address"]) == {
                HOSTS[0]: 3, HOSTS[2]: 7,
            }  # fmt: skip

    run(test)


def test_a_plan_without_a_warm_source_strands_nothing(tmp_path: Path, stores: Stores, names: Names) -> None:
    made = make_campaign(stores, addresses(20, "small.test"), LETTER)
    young = {**FIRST, "warmup": datetime.now(UTC).date().isoformat(), "plan": "slow"}

    async def test() -> None:
        async with street(HOSTS) as town:
            shaping = table(tmp_path, "[warmup.slow]\ndefault = [2]\n")
            async with sending(tmp_path, stores, settings_of(names.listening, town.port, [young], shaping=shaping)):
                await launched(stores, made)
                await counted(stores, made, "delivered", 20)

    run(test)


@pytest.mark.alone
def test_a_campaign_that_a_breaker_slows_goes_at_its_rate_and_others_at_theirs(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    slow = make_campaign(stores, addresses(12, "small.test"), LETTER)
    free = make_campaign(stores, [f"free{number}@small.test" for number in range(60)], LETTER, domain="other.test")
    one = breakers.Tripped("campaign", slow.campaign_id, "stop", "slow", "numbers", datetime.now(UTC), None)
    stores.core.journal.run(lambda tx: breakers.trip(tx, one))

    async def test() -> None:
        async with street(HOSTS) as town:
            settings = settings_of(names.listening, town.port, [FIRST], breaker={"slow": "4/s"})
            async with sending(tmp_path, stores, settings):
                await asyncio.sleep(1.2)  # a tidy round, after which the sender knows
                await launched(stores, free)
                await launched(stores, slow)
                await counted(stores, slow, "delivered", 12)
                await counted(stores, free, "delivered", 60)
            slowed = [when for when, _, _, recipient in town.taken if recipient.startswith("reader")]
            assert slowed[-1] - slowed[0] > 1.5, "one second of it at once, the rest at 4/s"
            assert [recipient for *_, recipient in town.taken[-6:] if recipient.startswith("free")] == []

    run(test)


def test_an_ipv6_source_reaches_an_ipv6_host(tmp_path: Path, stores: Stores, names: Names) -> None:
    names.publish([record("six.test", "MX", "10 mx.six.test."), record("mx.six.test", "AAAA", "::1")])
    made = make_campaign(stores, addresses(5, "six.test"), LETTER)

    async def test() -> None:
        async with street(["::1"]) as town:
            source = {"address": "::1", "ehlo": "out6.ours.test"}
            async with sending(tmp_path, stores, settings_of(names.listening, town.port, [source])):
                await launched(stores, made)
                await counted(stores, made, "delivered", 5)
            assert {source for _, _, source, _ in town.taken} == {"::1"}

    run(test)


def test_where_a_pool_has_both_kinds_each_domain_is_reached_by_the_one_that_can(
    tmp_path: Path, stores: Stores, names: Names
) -> None:
    """No row stays with a source that can never reach its hosts, and none pays an attempt for it."""
    names.publish([record("six.test", "MX", "10 mx.six.test."), record("mx.six.test", "AAAA", "::1")])
    names.publish([record("four.test", "MX", "10 mx.four.test."), record("mx.four.test", "A", HOSTS[0])])
    made = make_campaign(stores, addresses(20, "six.test", "four.test"), LETTER)

    async def test() -> None:
        async with street(["::1", HOSTS[0]]) as town:
            sources = [FIRST, {"address": "::1", "ehlo": "out6.ours.test"}]
            async with sending(tmp_path, stores, settings_of(names.listening, town.port, sources)):
                await launched(stores, made)
                await counted(stores, made, "delivered", 20)
            ways = {(domain(recipient), source) for _, _, source, recipient in town.taken}
            assert ways == {("six.test", "::1"), ("four.test", FIRST["address"])}

    run(test)
    with stores.core.database.read() as core:
        assert {row.attempts for row in campaign_progress.rows_of(core, made.campaign_id, 0, 100)} == {1}


def test_a_source_whose_names_disagree_is_told_of(
    tmp_path: Path, stores: Stores, names: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    names.publish(
        [
            record("out3.ours.test", "A", "127.0.7.13"), record("out4.ours.test", "A", "127.0.7.99"),
            record("14.7.0.127.in-addr.arpa", "PTR", "out4.ours.test."),
        ]
    )  # fmt: skip
    unnamed = [{"address": f"127.0.7.1{at}", "ehlo": f"out{at}.ours.test"} for at in (3, 4)]

    async def test() -> None:
        async with sending(tmp_path, stores, settings_of(names.listening, 1, [FIRST, *unnamed])):
            await asyncio.sleep(0.5)

    run(test)
    told = [line for line in capsys.readouterr().err.splitlines() if '"source_name"' in line]
    assert len(told) == 2
    assert "its PTR says nothing, not out3.ours.test" in told[0]
    assert "out4.ours.test has the addresses 127.0.7.99" in told[1]
