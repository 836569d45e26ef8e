"""The queue lane by lane as people see it, on both engines: what waits and is on the wire for a site, and how each of
our addresses may go there now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from admin.acts import campaigns, lanes, queue
from admin.acts.explain import UNTOLD
from admin.acts.lanes import SiteLanes
from admin.acts.queue import Asked
from admin.office import Office
from peers import rows
from policy.shaping import EVERYWHERE, Action, Reaction
from store import ledger, reactions, workers
from store.settings import Settings
from store.stores import Stores

HOUR = timedelta(hours=1)
ONE, TWO, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SOURCES = [
    {"address": ONE, "ehlo": "out1.ours.test", "pool": "mailings"},
    {"address": TWO, "ehlo": "out2.ours.test", "pool": "mailings"},
    {"address": OTHER, "ehlo": "out3.ours.test", "pool": "transactional"},
]


@pytest.fixture
def made(stores: Stores) -> rows.Made:
    made = rows.make_campaign(stores, [f"u{n}@{'big' if n < 40 else 'small'}.test" for n in range(50)])
    rows.launch(stores, made)
    rows.expand(stores, made)
    return made


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    tree = {"outbound": {"sources": SOURCES, "connections": 4}}
    settings = msgspec.convert(tree, Settings, strict=False)
    return Office(stores, rows.VAULT, tmp_path, "mailloft.test", (), settings=settings)


def seen(office: Office, site: str = "big.test", project: int | None = None) -> SiteLanes:
    (found,) = lanes.view(office, project, site)
    return found


def hold(office: Office, *made: Reaction) -> None:
    office.write(lambda tx: reactions.save(tx, made, office.now()))


def test_the_fullest_site_is_first_and_each_address_of_its_pool_is_open(office: Office, made: rows.Made) -> None:
    big, small = lanes.view(office, None, None)
    assert (big.site, big.retry, big.pool, big.queued, big.going) == ("big.test", "campaign", "mailings", 40, 40)
    assert (small.site, small.queued) == ("small.test", 10)
    assert (big.state, big.held, big.inflight) == ("open", 0, 0)
    assert [(one.source, one.state, one.connections) for one in big.lanes] == [(ONE, "open", 4), (TWO, "open", 4)]
    assert big.next is not None
    assert big.next <= office.now()


def test_what_is_on_the_wire_is_counted_and_waits_no_more(office: Office, made: rows.Made, stores: Stores) -> None:
    now = datetime.now(UTC)
    worker = stores.core.journal.run(lambda tx: workers.register(tx, "sender", "n", 0, now))
    with office.read() as core:
        flows = [flow.id for flow in rows.due(core, now) if flow.site == "big.test"]
    stores.core.journal.run(lambda tx: ledger.claim_shares(tx, worker, [ledger.Share(tuple(flows), 15)], now))
    found = seen(office)
    assert (found.queued, found.inflight) == (25, 15)


def test_an_address_that_rests_says_why_and_until_when_and_another_goes_on(office: Office, made: rows.Made) -> None:
    until = office.now() + HOUR
    hold(office, Reaction("big.test", ONE, Action.REST, 0, until, HOUR, "421 too much"))
    found = seen(office)
    assert found.state == "open"
    rests, goes = found.lanes
    assert (rests.state, rests.why, rests.until, rests.connections) == ("rests", "421 too much", until, None)
    assert (goes.state, goes.why, goes.until) == ("open", None, None)
    assert seen(office, "small.test").lanes[0].state == "open"
    assert seen(office, project=made.project_id).lanes[0].why == UNTOLD


def test_where_every_address_rests_the_next_attempt_is_when_the_first_wakes(office: Office, made: rows.Made) -> None:
    now = office.now()
    hold(
        office,
        Reaction("big.test", ONE, Action.REST, 0, now + 2 * HOUR, HOUR, "x"),
        Reaction(EVERYWHERE, TWO, Action.REST, 0, now + HOUR, HOUR, "refused for our address"),
    )
    found = seen(office)
    assert (found.state, found.next) == ("rests", now + HOUR)


def test_a_slowed_lane_tells_the_rate_that_holds(office: Office, made: rows.Made) -> None:
    until = office.now() + HOUR
    hold(
        office,
        Reaction("big.test", ONE, Action.MESSAGES, 30, until, HOUR, "slow down"),
        Reaction("big.test", ONE, Action.CONNECTIONS, 2, until - HOUR / 2, HOUR, "fewer"),
    )
    slowed, free = seen(office).lanes
    assert (slowed.state, slowed.rate, slowed.connections, slowed.why) == ("slowed", "30/min", 2, "slow down")
    assert (free.state, free.rate) == ("open", None)


def test_what_a_person_stopped_stands_and_has_no_next_attempt(office: Office, made: rows.Made) -> None:
    *_, last = queue.act(office, "hold", Asked(None, site="small.test"))
    assert last.changed == 10
    small = seen(office, "small.test")
    assert (small.state, small.queued, small.held, small.next) == ("stands", 0, 10, None)
    campaigns.pause(office, made.project_id, made.campaign_id)
    big = seen(office)
    assert (big.state, big.queued, big.going, big.next) == ("stands", 40, 0, None)


def test_a_project_sees_its_own_numbers_alone(office: Office, made: rows.Made) -> None:
    assert seen(office, project=made.project_id).queued == 40
    assert lanes.view(office, made.project_id + 1, None) == []
