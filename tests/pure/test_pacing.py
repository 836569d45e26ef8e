"""What a worker remembers of its sites: slots among sources, who rests and who never may, what promotion is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mail.reply import Reply
from mta.outbound.pacing import Pacing, Sickness
from mta.outbound.site_pace import LanePace
from policy.rotation import EgressSource
from policy.shaping import EVERYWHERE, Action, Limits, Reaction, table_of

A, B, C = (EgressSource(f"192.0.2.{at}", f"out{at}.test", "mailings", 1) for at in (1, 2, 3))
ALONE = EgressSource("192.0.2.9", "out9.test", "alone", 1)
OWN = Limits(5, 100, timedelta(seconds=15))
HOUR = timedelta(hours=1)
BLOCKED = Reply(550, "5.7.1", "blocked using zen.spamhaus.org")


def pacing(sources: tuple[EgressSource, ...] = (A, B), sick: Sickness | None = None, **big: Any) -> Pacing:
    published: list[Reaction] = []
    table = table_of({"provider": {"big": {"match": [".big.test"], **big}}}, {})
    made = Pacing(sources, table, OWN, sick or Sickness(refusals=3), published.append)
    made.published = published  # type: ignore[attr-defined]
    return made


def lane(of: Pacing, site: str, source: EgressSource = A) -> LanePace:
    return of.site(site).lane(source.address)


def refuse(of: Pacing, site: str, source: EgressSource = A, times: int = 3) -> None:
    for _ in range(times):
        lane(of, site, source).heard(BLOCKED)
        lane(of, site, source).refused("blocked")


def rest(site: str, source: str, until: datetime) -> Reaction:
    return Reaction(site, source, Action.REST, 0, until, HOUR, "told")


def test_all_sources_together_have_no_more_slots_than_the_provider_bears() -> None:
    made = pacing(provider_connections=3)
    first, second = lane(made, "big", A), lane(made, "big", B)
    assert [first.take_slot() for _ in range(4)] == [True, True, True, False]
    assert not second.take_slot()
    assert first.yields and not second.yields
    woken: list[str] = []
    first.wake, second.wake = lambda: woken.append("first"), lambda: woken.append("second")
    first.give_slot()
    assert woken == ["second"]
    assert second.take_slot()
    assert not first.yields


def test_two_that_wait_for_a_third_do_not_wake_each_other_for_ever() -> None:
    made = pacing((A, B, C), provider_connections=1)
    lanes = [lane(made, "big", source) for source in (A, B, C)]
    assert lanes[0].take_slot()
    for one in lanes[1:]:
        one.wake = one.take_slot  # type: ignore[assignment]
    assert not lanes[1].take_slot() and not lanes[2].take_slot()


def test_nodes_that_send_from_the_same_rows_divide_what_a_provider_bears() -> None:
    made = pacing(provider_connections=5)
    made.nodes = 2
    assert [lane(made, "big", A).take_slot() for _ in range(3)] == [True, True, False]
    made.nodes = 9
    assert not lane(made, "big", B).take_slot()
    assert pacing(provider_connections=5).site("big").lane("x").take_slot()


def test_a_site_of_no_provider_has_no_cap() -> None:
    made = pacing()
    assert all(lane(made, "own.test", source).take_slot() for source in (A, B) for _ in range(50))


def test_a_source_that_is_refused_for_what_it_is_rests_there_and_only_there() -> None:
    made = pacing()
    refuse(made, "one.test", times=2)
    assert made.awake("mailings", "one.test") == [A, B]
    refuse(made, "one.test", times=1)
    assert made.awake("mailings", "one.test") == [B]
    assert made.awake("mailings", "two.test") == [A, B]
    assert made.resting() == []


def test_refusals_among_many_good_answers_rest_nobody() -> None:
    made = pacing()
    for _ in range(50):
        for _ in range(9):
            lane(made, "one.test").heard(Reply(250, "", "ok"))
        refuse(made, "one.test", times=1)
    assert made.awake("mailings", "one.test") == [A, B]


def test_the_last_source_awake_never_rests_for_what_hosts_say_of_it() -> None:
    made = pacing()
    refuse(made, "one.test", A, 9)
    refuse(made, "one.test", B, 9)
    assert made.awake("mailings", "one.test") == [B]
    alone = pacing((ALONE, A, B))
    refuse(alone, "one.test", ALONE, 9)
    assert alone.awake("alone", "one.test") == [ALONE]


def test_several_sites_that_say_so_rest_it_everywhere_but_never_the_last() -> None:
    made = pacing((A, B), Sickness(refusals=3, sites=2))
    refuse(made, "one.test")
    refuse(made, "two.test")
    assert made.awake("mailings", "three.test") == [B]
    assert [one.site for one in made.published] == ["one.test", "two.test", EVERYWHERE]  # type: ignore[attr-defined]
    refuse(made, "four.test", B)
    refuse(made, "five.test", B)
    assert made.awake("mailings", "six.test") == [B]
    # Nor does another worker's word of it take the last one.
    made.load([rest(EVERYWHERE, B.address, datetime.now(UTC) + HOUR)])
    assert made.awake("mailings", "six.test") == [B]


def test_where_all_of_a_pool_rest_promotion_is_told_pool_and_site() -> None:
    made = pacing((A, ALONE))
    made.load([rest("big", A.address, datetime.now(UTC) + HOUR)])
    assert (made.awake("mailings", "big"), made.awake("alone", "big")) == ([], [ALONE])
    assert made.resting() == ["mailings big"]
    made.load([rest("big", ALONE.address, datetime.now(UTC) + HOUR)])
    assert set(made.resting()) == {"alone big", "mailings big"}
    assert made.room("big", 300) == 0


def test_promotion_claims_no_more_of_a_slow_site_than_it_can_send_soon() -> None:
    made = pacing((A,), message_rate="2/s")
    lane(made, "big")
    assert made.room("big", 300) == 11
    assert made.room("own.test", 300) == 300


def test_a_rest_that_is_over_comes_back_with_one_connection_then_two_then_four() -> None:
    made = pacing((A,))
    over = datetime.now(UTC) + timedelta(seconds=1)
    made.load([rest("big", A.address, over)])
    site = made.site("big")
    assert lane(made, "big").limits is None
    now, seen = over, []
    for _ in range(5):
        held = site.holding(A.address, now)
        seen.append([int(one.value) for one in held])
        now = max((one.until for one in held), default=now)
    assert seen == [[1], [2], [4], [], []]
    assert made.resting() == []


def test_our_own_words_and_lost_connections_match_no_rule() -> None:
    rules = [{"match": ".", "rest": True, "lasts": 60}]
    made = pacing((A,), rules=rules)
    for _ in range(10):
        lane(made, "big").heard(None)
    assert lane(made, "big").limits is not None
    lane(made, "big").heard(Reply(421, "4.7.0", "busy"))
    assert lane(made, "big").limits is None


def test_a_rule_reads_the_code_too_and_a_good_answer_never_matches() -> None:
    made = pacing((A,), rules=[{"match": "^421|ok", "connections": 1, "lasts": 60}])
    lane(made, "big").heard(Reply(250, "", "ok"))
    assert lane(made, "big").limits == OWN
    lane(made, "big").heard(Reply(421, "", "bye"))
    limits = lane(made, "big").limits
    assert limits is not None and limits.connections == 1


@pytest.mark.parametrize("kept", [True, False])
def test_a_refused_site_is_remembered_without_a_lane_and_a_quiet_one_is_not(kept: bool) -> None:
    made = pacing()
    site = made.site("one.test")
    if kept:
        refuse(made, "one.test", times=1)
    made.forget({})
    assert (made.site("one.test") is site) == kept
