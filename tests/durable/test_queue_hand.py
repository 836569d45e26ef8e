"""An operator's hand on the queue, on both engines: exact counts, nothing done twice, rows in flight asked for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from admin.acts import queue
from admin.acts.queue import Asked
from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from mail.outcome import Action, Effect, Outcome, Reason
from peers import rows
from policy.lifecycle import Event, State
from store import (
    attempts,
    campaign_progress,
    campaigns,
    consequences,
    counters,
    expansion,
    hand,
    ledger,
    workers,
)
from store.campaigns import CampaignState
from store.ledger import Claimed, Settlement, Share
from store.schema import flows as flow_rows
from store.schema import recipients
from store.stores import Stores

LATER = timedelta(hours=1)


@pytest.fixture
def made(stores: Stores) -> rows.Made:
    """450 clients at three sites, launched and expanded: one flow of more than a batch."""
    addresses = [f"u{n}@{'big' if n < 400 else f'small{n % 2}'}.test" for n in range(450)]
    made = rows.make_campaign(stores, addresses)
    rows.launch(stores, made)
    rows.expand(stores, made)
    return made


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    return Office(stores, rows.VAULT, tmp_path, "mx.ours.test", ())


def now() -> datetime:
    return datetime.now(UTC)


def do(office: Office, action: str, **named: object) -> int:
    *_, last = queue.act(office, action, Asked(**{"project": None, **named}))
    return last.changed


def exact(stores: Stores, made: rows.Made) -> Counter[State]:
    """Rows by state; flows and counters must say the same."""
    with stores.core.database.read() as core:
        found = core.execute(select(recipients.c.flow_id, recipients.c.state)).all()
        told = core.execute(select(flow_rows.c.id, flow_rows.c.queued, flow_rows.c.held)).all()
        known = counters.of(core, "campaign", made.campaign_id)
    by_flow = Counter((row.flow_id, row.state) for row in found)
    for flow in told:
        assert (flow.queued, flow.held) == (by_flow[flow.id, State.QUEUED], by_flow[flow.id, State.HELD])
    states = Counter(row.state for row in found)
    for state in (State.HELD, State.CANCELLED, State.BOUNCED, State.DELIVERED):
        assert known.get(f"state.{state.value}", 0) == states[state], state
    assert sum(made.counts(stores).values()) == 450
    return states


def worker(stores: Stores, life: timedelta = workers.LIFE) -> int:
    return stores.core.journal.run(lambda tx: workers.register(tx, "sender", "node", 0, now(), life))


def claim(stores: Stores, who: int, limit: int, at: datetime | None = None) -> list[Claimed]:
    with stores.core.database.read() as core:
        ids = tuple(core.execute(select(flow_rows.c.id)).scalars())
    return stores.core.journal.run(lambda tx: ledger.claim_shares(tx, who, [Share(ids, limit)], at or now()))


def settle(stores: Stores, who: int, made: rows.Made, row: Claimed, event: Event, **more: object) -> None:
    one = Settlement(
        row.recipient_id, row.flow_id, made.project_id, made.campaign_id, row.client_id, event,
        **{"source": "127.0.0.11", **more},
    )  # fmt: skip
    stores.core.journal.run(lambda tx: ledger.settle(tx, who, [one], now()))


def test_a_campaign_is_held_and_released_and_the_counts_are_exact(
    stores: Stores, made: rows.Made, office: Office
) -> None:
    assert do(office, "hold", campaign=made.campaign_id) == 450
    assert exact(stores, made) == {State.HELD: 450}
    assert do(office, "hold", campaign=made.campaign_id) == 0
    assert claim(stores, worker(stores), 10) == []
    assert do(office, "release", campaign=made.campaign_id) == 450
    assert do(office, "release", campaign=made.campaign_id) == 0
    assert exact(stores, made) == {State.QUEUED: 450}
    assert len(claim(stores, worker(stores), 500)) == 450


def test_an_action_goes_over_batches_of_200_and_says_how_far_it_is(
    stores: Stores, made: rows.Made, office: Office
) -> None:
    told = [(one.changed, one.of) for one in queue.act(office, "hold", Asked(None, site="big.test")) if one.looked]
    assert told[0] == (200, 400)
    assert told[-1] == (400, 400)


def test_filters_choose_by_site_address_state_and_ids(stores: Stores, made: rows.Made, office: Office) -> None:
    assert do(office, "hold", site="small1.test") == 25
    assert do(office, "hold", address="U7@big.test") == 1
    held = queue.page(office, Asked(None, state="held"), None, 100).items
    assert Counter(row.site for row in held) == {"small1.test": 25, "big.test": 1}
    assert do(office, "cancel", rows=(held[0].id, held[0].id)) == 1
    assert do(office, "cancel", state="held") == 25
    assert exact(stores, made) == {State.CANCELLED: 26, State.QUEUED: 424}
    with pytest.raises(InvalidError, match="cancel what"):
        queue.act(office, "cancel", Asked(None))
    with pytest.raises(InvalidError, match="not delivered"):
        queue.act(office, "cancel", Asked(None, state="delivered"))
    assert do(office, "cancel", everything=True) == 424


def test_rows_are_chosen_by_the_source_of_their_last_attempt(stores: Stores, made: rows.Made, office: Office) -> None:
    who = worker(stores)
    for number, row in enumerate(claim(stores, who, 6)):
        settle(stores, who, made, row, Event.DEFER, due=now() + LATER, source=f"127.0.0.{number % 2}")
    assert len(queue.page(office, Asked(None, source="127.0.0.1"), None, 100).items) == 3
    assert do(office, "hold", source="127.0.0.1") == 3
    assert exact(stores, made)[State.HELD] == 3


def test_retry_makes_deferred_rows_due_now_and_only_once(stores: Stores, made: rows.Made, office: Office) -> None:
    who = worker(stores)
    for row in claim(stores, who, 450):
        settle(stores, who, made, row, Event.DEFER, due=now() + LATER)
    assert claim(stores, who, 450) == []
    assert do(office, "retry", site="big.test") == 400
    assert do(office, "retry", site="big.test") == 0
    with stores.core.database.read() as core:
        assert [flow.site for flow in rows.due(core)] == ["big.test"]
    assert len(claim(stores, who, 450)) == 400


def test_a_row_in_flight_is_asked_for_and_held_when_it_comes_back(
    stores: Stores, made: rows.Made, office: Office
) -> None:
    who = worker(stores)
    deferred, returned, delivered, failed = claim(stores, who, 4)
    assert do(office, "hold", campaign=made.campaign_id) == 450
    assert do(office, "hold", campaign=made.campaign_id) == 0
    with stores.core.database.read() as core:
        asked = hand.asked_of(core, who)
    assert asked == {Event.HOLD: sorted(row.recipient_id for row in (deferred, returned, delivered, failed))}
    settle(stores, who, made, deferred, Event.DEFER, due=now() + LATER)
    settle(stores, who, made, returned, Event.CLAIM_LOST, tried=False)
    settle(stores, who, made, delivered, Event.DELIVER)
    settle(stores, who, made, failed, Event.FAIL, reason=Reason.REJECTED)
    assert exact(stores, made) == {State.HELD: 448, State.DELIVERED: 1, State.FAILED: 1}
    shown = queue.show(office, None, deferred.recipient_id)
    assert (shown.state, shown.asked, shown.attempts) == ("held", None, 1)


def test_a_cancelled_row_in_flight_is_not_tried_again_and_a_released_one_is(
    stores: Stores, made: rows.Made, office: Office
) -> None:
    who = worker(stores)
    one, other = claim(stores, who, 2)
    assert do(office, "hold", rows=(one.recipient_id, other.recipient_id)) == 2
    assert do(office, "release", rows=(other.recipient_id,)) == 1
    assert do(office, "cancel", rows=(one.recipient_id,)) == 1
    assert do(office, "hold", rows=(one.recipient_id,)) == 0
    for row in (one, other):
        settle(stores, who, made, row, Event.DEFER, due=now() + LATER)
    assert exact(stores, made) == {State.CANCELLED: 1, State.QUEUED: 449}
    assert queue.show(office, None, one.recipient_id).words == "cancelled by hand"


def test_a_sender_that_dies_with_rows_asked_for_leaves_them_held(
    stores: Stores, made: rows.Made, office: Office
) -> None:
    who = worker(stores)
    mine = claim(stores, who, 5)
    do(office, "hold", rows=tuple(row.recipient_id for row in mine[:2]))
    do(office, "cancel", rows=(mine[2].recipient_id,))
    later = now() + workers.LIFE + timedelta(seconds=1)
    assert stores.core.journal.run(lambda tx: workers.bury_dead(tx, later, who)) == 0
    assert stores.core.journal.run(lambda tx: workers.bury_dead(tx, later)) == 1
    assert stores.core.journal.run(lambda tx: workers.bury_dead(tx, later)) == 0
    assert exact(stores, made) == {State.HELD: 2, State.CANCELLED: 1, State.QUEUED: 447}


def test_a_buried_incarnation_claims_nothing(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    stores.core.journal.run(lambda tx: workers.bury_dead(tx, now() + workers.LIFE * 2))
    assert claim(stores, who, 5) == []


def test_an_incarnation_lives_as_long_as_it_said_itself(stores: Stores) -> None:
    short = worker(stores, timedelta(seconds=1))
    assert stores.core.journal.run(lambda tx: workers.beat(tx, short, now(), timedelta(seconds=60)))
    assert stores.core.journal.run(lambda tx: workers.bury_dead(tx, now() + timedelta(seconds=59))) == 0
    assert stores.core.journal.run(lambda tx: workers.bury_dead(tx, now() + timedelta(seconds=61))) == 1


def test_a_stopped_flow_offers_and_gives_nothing_and_goes_on_by_itself(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    with stores.core.database.read() as core:
        everything = [flow.id for flow in rows.due(core)]
    stores.core.journal.run(lambda tx: hand.stop(tx, everything, now()))
    with stores.core.database.read() as core:
        assert rows.due(core) == []
    assert claim(stores, who, 5) == []
    assert len(claim(stores, who, 5, now() + hand.STOP + timedelta(seconds=1))) == 5


def test_a_hold_that_is_through_leaves_no_flow_stopped(stores: Stores, made: rows.Made, office: Office) -> None:
    do(office, "hold", campaign=made.campaign_id)
    with stores.core.database.read() as core:
        assert core.execute(select(flow_rows.c.stopped_until).distinct()).scalars().all() == [None]


def test_a_hold_that_is_killed_is_finished_by_the_same_command(stores: Stores, made: rows.Made, office: Office) -> None:
    killed = queue.act(office, "hold", Asked(None, campaign=made.campaign_id))
    while next(killed).changed < 200:
        pass
    killed.close()
    assert exact(stores, made) == {State.HELD: 200, State.QUEUED: 250}
    assert claim(stores, worker(stores), 5) == []
    assert do(office, "hold", campaign=made.campaign_id) == 250
    assert exact(stores, made) == {State.HELD: 450}


def test_a_cancelled_campaign_ends_its_held_rows_too(stores: Stores, made: rows.Made, office: Office) -> None:
    do(office, "hold", site="small0.test")
    stores.core.journal.run(lambda tx: campaigns.move(tx, made.campaign_id, CampaignState.CANCELLED, "by hand"))
    while stores.core.journal.run(lambda tx: expansion.cancel_rows(tx, made.campaign_id, now())):
        pass
    assert exact(stores, made) == {State.CANCELLED: 450}
    assert stores.core.journal.run(lambda tx: campaign_progress.close_cancelled(tx, made.campaign(stores), now()))


def test_a_report_about_a_held_row_says_that_it_arrived(stores: Stores, made: rows.Made, office: Office) -> None:
    do(office, "hold", address="u3@big.test")
    (row,) = queue.page(office, Asked(None, state="held"), None, 10).items
    told = Outcome("u3@big.test", Action.FAILED, "5.1.1", 550, "gone", Reason.USERUNKNOWN, Effect.BLOCK, hard=True)
    assert stores.core.journal.run(lambda tx: consequences.apply_report(tx, row.id, told, 1, now()))
    assert exact(stores, made) == {State.BOUNCED: 1, State.QUEUED: 449}


def test_pages_of_rows_are_whole_and_show_each_row_once(stores: Stores, made: rows.Made, office: Office) -> None:
    do(office, "hold", site="small1.test")
    claim(stores, worker(stores), 7)
    seen: list[tuple[int, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = queue.page(office, Asked(None), cursor, 37)
        seen += [(row.id, row.state) for row in page.items]
        cursor = page.next
    assert len(dict(seen)) == len(seen) == 450
    assert Counter(state for _, state in seen) == {"inflight": 7, "held": 25, "queued": 418}
    with pytest.raises(InvalidError, match="cursor"):
        queue.page(office, Asked(None), "1.2.x.4", 10)


def test_final_rows_are_found_by_campaign_or_address_and_never_by_a_scan(
    stores: Stores, made: rows.Made, office: Office
) -> None:
    do(office, "cancel", site="small0.test")
    assert len(queue.page(office, Asked(None, made.campaign_id, state="cancelled"), None, 100).items) == 25
    assert len(queue.page(office, Asked(None, address="u400@small0.test", state="cancelled"), None, 100).items) == 1
    with pytest.raises(InvalidError, match="campaign or by address"):
        queue.page(office, Asked(None, state="cancelled"), None, 100)


def test_another_projects_rows_are_neither_seen_nor_moved(stores: Stores, made: rows.Made, office: Office) -> None:
    theirs = made.project_id + 1
    (row,) = claim(stores, worker(stores), 1)
    for action in queue.ACTIONS:
        for named in ({"everything": True}, {"campaign": made.campaign_id}, {"rows": (row.recipient_id, 2, 3)}):
            assert do(office, action, project=theirs, **named) == 0 if _any(office, action, theirs, named) else True
    assert queue.page(office, Asked(theirs), None, 100).items == []
    assert queue.shape(office, Asked(theirs)) == []
    with pytest.raises(NotFoundError):
        queue.show(office, theirs, row.recipient_id)
    assert exact(stores, made) == {State.QUEUED: 449, State.INFLIGHT: 1}


def _any(office: Office, action: str, project: int, named: dict[str, object]) -> bool:
    return any(True for _ in queue.act(office, action, Asked(project, **named)))


def test_the_shape_of_the_queue_is_by_age_and_site(stores: Stores, made: rows.Made, office: Office) -> None:
    old = now() - timedelta(hours=3)
    with stores.core.database.write() as tx:
        tx.execute(recipients.update().where(recipients.c.id <= 30).values(queued_at=old))
    by_site = {one.name: one for one in queue.shape(office, Asked(None))}
    assert sum(one.hours_4 for one in by_site.values()) == 30
    assert (by_site["big.test"].queued, by_site["big.test"].counted) == (400, 400)
    assert sum(one.minutes_5 for one in by_site.values()) == 420


def test_the_shape_is_by_project_campaign_source_and_state_too(stores: Stores, made: rows.Made, office: Office) -> None:
    who = worker(stores)
    for row in claim(stores, who, 30):
        settle(stores, who, made, row, Event.DEFER, due=now())
    do(office, "hold", site="small1.test")
    claim(stores, who, 5, now() + LATER)

    def shape(by: str, **filters: object) -> dict[str, tuple[int, int, int]]:
        found = queue.shape(office, Asked(**{"project": None, **filters}), by)
        return {one.name: (one.queued, one.held, one.counted) for one in found}

    assert shape("project") == shape("project", project=made.project_id) == {str(made.project_id): (420, 25, 420)}
    assert shape("campaign") == {f"campaign {made.campaign_id}": (420, 25, 420)}
    assert shape("state", state="held") == {"held": (0, 25, 25)}
    assert shape("state", state="inflight") == {"inflight": (0, 0, 5)}
    by_source = shape("source")
    assert sum(queued for queued, _, _ in by_source.values()) == 420
    assert set(by_source) == {"127.0.0.11", "not tried yet"}
    assert shape("site", source="127.0.0.11") == {"big.test": (0, 0, by_source["127.0.0.11"][2])}
    assert shape("site", site="small1.test", state="held") == {"small1.test": (0, 25, 25)}
    for wrong in ({"state": "delivered"}, {"state": "sleeping"}):
        with pytest.raises(InvalidError):
            queue.shape(office, Asked(None, **wrong))
    with pytest.raises(InvalidError, match="grouped by"):
        queue.shape(office, Asked(None), "colour")


def test_a_provider_with_a_site_for_each_domain_is_chosen_by_its_name(
    stores: Stores, made: rows.Made, office: Office
) -> None:
    rows.asked(stores, small0_test="small0.test/mimecast", small1_test="small1.test/mimecast")
    assert sum(one.queued for one in queue.shape(office, Asked(None, site="mimecast"))) == 50
    assert do(office, "hold", site="mimecast") == 50
    assert do(office, "release", site="small0.test/mimecast") == 25


def test_every_attempt_is_shown_with_its_transcript(stores: Stores, made: rows.Made, office: Office) -> None:
    who = worker(stores)
    (row,) = claim(stores, who, 1)
    settle(stores, who, made, row, Event.DEFER, due=now() + LATER, code=451, words="451 later")
    log = [
        attempts.Attempt(row.recipient_id, now(), "127.0.0.11", "mx.big.test", None, code, words, transcript, 5)
        for code, words, transcript in ((451, "451 later", "> MAIL\n< 451 later"), (250, "250 ok", None))
    ]
    stores.events.journal.run(lambda tx: attempts.record(tx, log))
    shown = queue.show(office, made.project_id, row.recipient_id)
    assert [(one["code"], one["transcript"]) for one in shown.log] == [(451, "> MAIL\n< 451 later"), (250, None)]
    assert (shown.recipe["kind"], shown.recipe["campaign"], shown.recipe["retry"]) == (
        "campaign", made.campaign_id, "campaign",
    )  # fmt: skip
