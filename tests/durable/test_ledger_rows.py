"""The ledger's promises on both engines: nobody forgotten, nobody twice, one consequence for one cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, select, update

from mail.outcome import Action, Effect, Outcome, Reason
from peers import rows
from policy.lifecycle import Event, State
from store import (
    breakers,
    campaign_progress,
    campaigns,
    consequences,
    counters,
    expansion,
    flows,
    ledger,
    queue_rows,
    workers,
)
from store.campaigns import CampaignState
from store.ledger import Claimed, Settlement, Share
from store.schema import clients, messages, rating_changes, recipients
from store.stores import Stores

NOW = datetime.now(UTC)
SLOTS = range(flows.SLOTS)


@pytest.fixture
def made(stores: Stores) -> rows.Made:
    """Ten clients at two sites, launched and expanded."""
    made = rows.make_campaign(stores, [f"u{n}@{'big' if n % 2 else 'small'}.test" for n in range(10)])
    rows.launch(stores, made)
    rows.expand(stores, made)
    return made


def worker(stores: Stores, position: int = 0) -> int:
    return stores.core.journal.run(lambda tx: workers.register(tx, "sender", "node", position, datetime.now(UTC)))


def claim(stores: Stores, who: int, limit: int = 100) -> list[Claimed]:
    now = datetime.now(UTC)
    with stores.core.database.read() as core:
        offered = Share(tuple(flow.id for flow in rows.due(core, now)), limit)
    return stores.core.journal.run(lambda tx: ledger.claim_shares(tx, who, [offered], now))


def outcome(made: rows.Made, row: Claimed, event: Event, **more: object) -> Settlement:
    given = {"source": "127.0.0.11", "code": 250, **more}
    return Settlement(
        row.recipient_id, row.flow_id, made.project_id, made.campaign_id, row.client_id, event, **given
    )  # fmt: skip


def settle(stores: Stores, who: int, *settlements: Settlement) -> set[int]:
    return stores.core.journal.run(lambda tx: ledger.settle(tx, who, settlements, datetime.now(UTC)))


def rating(stores: Stores, client_id: int | None) -> int:
    with stores.core.database.read() as core:
        return core.execute(select(clients.c.rating).where(clients.c.id == client_id)).scalar_one()


def state(stores: Stores, row: Claimed) -> State:
    with stores.core.database.read() as core:
        return core.execute(select(recipients.c.state).where(recipients.c.id == row.recipient_id)).scalar_one()


def failed(reason: Reason, effect: Effect) -> Outcome:
    return Outcome("someone", Action.FAILED, "5.0.0", 550, "the host's words", reason, effect, effect is Effect.BLOCK)


def report(stores: Stores, row: Claimed, told: Outcome, arrival: int = 1) -> bool:
    return stores.core.journal.run(
        lambda tx: consequences.apply_report(tx, row.recipient_id, told, arrival, datetime.now(UTC))
    )


def test_expansion_makes_each_client_one_row_and_the_sums_agree(stores: Stores, made: rows.Made) -> None:
    with stores.core.database.read() as core:
        addresses = [row.address for row in campaign_progress.rows_of(core, made.campaign_id, 0, 100)]
    assert sorted(addresses) == sorted(f"u{n}@{'big' if n % 2 else 'small'}.test" for n in range(10))
    assert made.counts(stores)["queued"] == made.campaign(stores).recipients == 10


def test_a_batch_made_by_two_is_made_once(stores: Stores) -> None:
    made = rows.make_campaign(stores, ["a@x.test", "b@x.test"])
    rows.launch(stores, made)
    stale = made.campaign(stores)
    with stores.core.database.read() as core:
        part = expansion.snapshot_part(core, stale, datetime.now(UTC))
    both = [stores.core.journal.submit(lambda tx: expansion.expand(tx, stale, part, NOW)) for _ in range(2)]
    assert sorted(one.result() for one in both) == [False, True]
    with stores.core.database.read() as core:
        assert len(campaign_progress.rows_of(core, made.campaign_id, 0, 100)) == 2


def test_rows_of_one_batch_are_sorted_by_site(stores: Stores, made: rows.Made) -> None:
    with stores.core.database.read() as core:
        sites = [row.address.partition("@")[2] for row in campaign_progress.rows_of(core, made.campaign_id, 0, 100)]
    assert sites == sorted(sites)


def test_a_row_is_claimed_by_one_worker_alone(stores: Stores, made: rows.Made) -> None:
    first, second = worker(stores, 0), worker(stores, 1)
    mine, theirs = claim(stores, first, 6), claim(stores, second)
    ids = [row.recipient_id for row in (*mine, *theirs)]
    assert len(mine) == 6
    assert len(ids) == len(set(ids)) == 10
    assert made.counts(stores)["inflight"] == 10


def test_each_share_has_its_own_limit_and_the_rows_come_share_by_share(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    with stores.core.database.read() as core:
        small, big = sorted(flow.id for flow in rows.due(core, datetime.now(UTC)))

    def claimed(*shares: Share) -> list[int]:
        found = stores.core.journal.run(lambda tx: ledger.claim_shares(tx, who, shares, datetime.now(UTC)))
        assert len({row.recipient_id for row in found}) == len(found)
        return [row.flow_id for row in found]

    def queued() -> dict[int, int]:
        with stores.core.database.read() as core:
            return {flow.id: flow.queued for flow in rows.due(core, datetime.now(UTC))}

    assert claimed(Share((big,), 2), Share((small,), 1)) == [big, big, small]
    assert queued() == {small: 4, big: 3}
    assert claimed(Share((big, small), 5)) == [small] * 4 + [big]
    assert claimed(Share((small,), 3), Share((big,), 3)) == [big, big]
    assert queued() == {}


def test_a_settled_row_is_counted_with_state_reason_and_source(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    one, other, *_ = claim(stores, who)
    gone = outcome(made, other, Event.FAIL, code=550, reason=Reason.USERUNKNOWN, effect=Effect.BLOCK)
    settle(stores, who, outcome(made, one, Event.DELIVER), gone)
    with stores.core.database.read() as core:
        told = campaign_progress.report(core, made.campaign(stores))
    assert (told["counts"]["delivered"], told["counts"]["failed"]) == (1, 1)
    assert told["reasons"] == {"failed": {"userunknown": 1}}
    assert told["sources"] == {"127.0.0.11": 1}
    assert told["providers"] == {"default": {"ended": 2, "bounced": 1, "complained": 0}}
    assert sum(told["counts"].values()) == 10


def test_a_deferred_row_waits_for_its_time_and_takes_nothing_from_the_rating(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    row, *others = claim(stores, who)
    later = datetime.now(UTC) + timedelta(hours=1)
    settle(stores, who, *(outcome(made, one, Event.DELIVER) for one in others))
    settle(stores, who, outcome(made, row, Event.DEFER, due=later, code=452, effect=Effect.FULL))
    assert claim(stores, who) == []
    assert rating(stores, row.client_id) == 7
    with stores.core.database.read() as core:
        due = rows.due(core, later + timedelta(seconds=1))
        assert counters.of(core, "campaign", made.campaign_id)["deferrals"] == 1
    assert [(flow.id, flow.queued) for flow in due] == [(row.flow_id, 1)]


def test_a_full_mailbox_costs_one_when_the_row_has_expired(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    row = claim(stores, who)[0]
    settle(stores, who, outcome(made, row, Event.EXPIRE, code=452, reason=Reason.MAILBOXFULL, effect=Effect.FULL))
    assert (state(stores, row), rating(stores, row.client_id)) == (State.EXPIRED, 6)


def test_a_wire_refusal_and_the_later_report_of_it_count_once(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    row = claim(stores, who)[0]
    settle(stores, who, outcome(made, row, Event.FAIL, reason=Reason.MAILBOXFULL, effect=Effect.FULL))
    assert not report(stores, row, failed(Reason.MAILBOXFULL, Effect.FULL))
    assert rating(stores, row.client_id) == 6


def test_a_report_takes_the_250_back_once(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    row = claim(stores, who)[0]
    settle(stores, who, outcome(made, row, Event.DELIVER))
    assert report(stores, row, failed(Reason.USERUNKNOWN, Effect.BLOCK))
    assert not report(stores, row, failed(Reason.USERUNKNOWN, Effect.BLOCK), arrival=2)
    assert (state(stores, row), rating(stores, row.client_id)) == (State.BOUNCED, 1)
    counted = made.counts(stores)
    assert (counted["delivered"], counted["bounced"], sum(counted.values())) == (0, 1, 10)


def test_a_report_before_our_own_settlement_stands(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    row = claim(stores, who)[0]
    assert report(stores, row, failed(Reason.USERUNKNOWN, Effect.BLOCK))
    assert settle(stores, who, outcome(made, row, Event.DELIVER)) == set()
    assert (state(stores, row), rating(stores, row.client_id)) == (State.BOUNCED, 1)
    assert sum(made.counts(stores).values()) == 10


def test_a_report_about_a_row_that_a_crash_queued_again_stops_the_repeat(stores: Stores, made: rows.Made) -> None:
    row = next(one for one in claim(stores, worker(stores)) if one.address == "u0@small.test")
    again = worker(stores)  # the successor: all claims are free
    assert report(stores, row, failed(Reason.MAILBOXFULL, Effect.FULL))
    assert row.recipient_id not in {one.recipient_id for one in claim(stores, again)}


def test_a_delay_changes_nothing(stores: Stores, made: rows.Made) -> None:
    row = claim(stores, worker(stores))[0]
    told = Outcome("someone", Action.DELAYED, "4.2.2", 452, "full", Reason.MAILBOXFULL, Effect.FULL, hard=False)
    assert not report(stores, row, told)
    assert rating(stores, row.client_id) == 7


def test_a_successor_frees_the_claims_of_its_place_at_once_and_no_others(stores: Stores, made: rows.Made) -> None:
    dead, neighbour = worker(stores, 0), worker(stores, 1)
    lost = {row.recipient_id for row in claim(stores, dead, 4)}
    kept = {row.recipient_id for row in claim(stores, neighbour, 3)}
    successor = worker(stores, 0)
    got = {row.recipient_id for row in claim(stores, successor)}
    assert lost <= got
    assert not kept & got
    with stores.core.database.read() as core:
        assert set(workers.claimed(core, neighbour)) == kept


def test_an_incarnation_without_heartbeat_is_buried_and_may_settle_nothing(stores: Stores, made: rows.Made) -> None:
    asleep = worker(stores, 0)
    row = claim(stores, asleep)[0]
    later = datetime.now(UTC) + workers.LIFE + timedelta(seconds=1)
    assert stores.core.journal.run(lambda tx: workers.bury_dead(tx, later)) == 1
    assert not stores.core.journal.run(lambda tx: workers.beat(tx, asleep, later))
    assert settle(stores, asleep, outcome(made, row, Event.DELIVER)) == set()
    assert state(stores, row) is State.QUEUED


def test_nodes_are_counted_by_their_living_senders(stores: Stores) -> None:
    def register(node: str, position: int) -> int:
        return stores.core.journal.run(lambda tx: workers.register(tx, "sender", node, position, datetime.now(UTC)))

    with stores.core.database.read() as core:
        assert workers.nodes(core, "sender") == 1
    north = [register("north", position) for position in range(2)]
    register("south", 0)
    with stores.core.database.read() as core:
        assert workers.nodes(core, "sender") == 2
    for one in north:
        stores.core.journal.run(lambda tx, one=one: workers.resign(tx, one, datetime.now(UTC)))
    with stores.core.database.read() as core:
        assert workers.nodes(core, "sender") == 1


def test_a_living_incarnation_is_not_buried(stores: Stores, made: rows.Made) -> None:
    alive = worker(stores, 0)
    later = datetime.now(UTC) + workers.LIFE + timedelta(seconds=1)
    assert stores.core.journal.run(lambda tx: workers.beat(tx, alive, later))
    assert stores.core.journal.run(lambda tx: workers.bury_dead(tx, later)) == 0


def test_a_paused_campaign_offers_nothing_and_a_resumed_one_the_rest(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    claim(stores, who, 4)
    for target, left in ((CampaignState.PAUSED, 0), (CampaignState.RUNNING, 6)):
        assert stores.core.journal.run(lambda tx, to=target: campaigns.move(tx, made.campaign_id, to, None))
        assert len(claim(stores, who)) == left


def test_a_cancelled_campaign_ends_every_row_that_was_not_sent(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    sent = claim(stores, who, 4)
    settle(stores, who, *(outcome(made, row, Event.DELIVER) for row in sent))
    stores.core.journal.run(lambda tx: campaigns.move(tx, made.campaign_id, CampaignState.CANCELLED, "by hand"))
    assert stores.core.journal.run(lambda tx: expansion.cancel_rows(tx, made.campaign_id, NOW)) == 6
    counted = made.counts(stores)
    assert (counted["delivered"], counted["cancelled"], sum(counted.values())) == (4, 6, 10)
    assert stores.core.journal.run(lambda tx: campaign_progress.close_cancelled(tx, made.campaign(stores), NOW))


def test_rows_of_two_messages_of_one_campaign_are_counted_found_and_cancelled_together(
    stores: Stores, made: rows.Made
) -> None:
    """An edition of the campaign may have a message of its own; the campaign is still one."""
    with stores.core.database.read() as core:
        first = core.execute(select(messages).where(messages.c.campaign_id == made.campaign_id)).one()
    again = {**first._mapping}
    again.pop("id")

    def second(tx: Connection) -> int:
        new = tx.execute(insert(messages).values(again).returning(messages.c.id)).scalar_one()
        some = select(recipients.c.id).where(recipients.c.message_id == first.id).order_by(recipients.c.id).limit(5)
        return tx.execute(update(recipients).where(recipients.c.id.in_(some)).values(message_id=new)).rowcount

    assert stores.core.journal.run(second) == 5
    claim(stores, worker(stores), 4)
    assert made.counts(stores)["inflight"] == 4
    stores.core.journal.run(lambda tx: campaigns.move(tx, made.campaign_id, CampaignState.CANCELLED, None))
    assert stores.core.journal.run(lambda tx: expansion.cancel_rows(tx, made.campaign_id, NOW)) == 6
    with stores.core.database.read() as core:
        choice = queue_rows.Choice(campaign=made.campaign_id)
        found = queue_rows.part(core, choice, State.CANCELLED, queue_rows.After(), 100)
    assert len(found.lines) == 6


def test_a_campaign_is_finished_when_the_last_row_is_final(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    *most, last = claim(stores, who)

    def finish() -> bool:
        return stores.core.journal.run(lambda tx: campaign_progress.finish_done(tx, made.campaign(stores), NOW))

    settle(stores, who, *(outcome(made, row, Event.DELIVER) for row in most))
    assert not finish()
    settle(stores, who, outcome(made, last, Event.FAIL, code=550, reason=Reason.REJECTED))
    assert finish()


def test_a_blocked_client_and_one_without_consent_get_nothing_from_the_next_campaign(stores: Stores) -> None:
    made = rows.make_campaign(stores, ["blocked@x.test", "gone@x.test", "fine@x.test"])
    with stores.core.database.read() as core:
        ids = {row.address: row.id for row in core.execute(select(clients.c.address, clients.c.id))}
    cause = consequences.Cause(made.project_id, ids["blocked@x.test"], 77, None, Reason.USERUNKNOWN, "no such user")
    stores.core.journal.run(lambda tx: consequences.judge(tx, cause, Effect.BLOCK, NOW))
    stores.core.journal.run(
        lambda tx: consequences.withdraw(
            tx, made.project_id, ids["gone@x.test"], made.list_id, "unsubscribed", None, NOW
        )
    )
    rows.launch(stores, made)
    rows.expand(stores, made)
    assert [row.address for row in claim(stores, worker(stores))] == ["fine@x.test"]
    assert made.counts(stores)["suppressed"] == 2


def test_a_reply_revives_once_and_gives_no_consent_back(stores: Stores, made: rows.Made) -> None:
    who = worker(stores)
    row = claim(stores, who)[0]
    settle(stores, who, outcome(made, row, Event.DELIVER))
    assert stores.core.journal.run(lambda tx: consequences.complaint(tx, row.recipient_id, 5, NOW))
    assert not stores.core.journal.run(lambda tx: consequences.complaint(tx, row.recipient_id, 5, NOW))
    assert rating(stores, row.client_id) == 1

    def revive() -> bool:
        return stores.core.journal.run(lambda tx: consequences.reply(tx, made.project_id, row.client_id or 0, 6, NOW))

    assert revive()
    assert not revive()
    assert rating(stores, row.client_id) == 10
    with stores.core.database.read() as core:
        part = expansion.selected(core, made.campaign(stores))
        row_of_client = core.execute(expansion._expandable(made.campaign(stores), list(part))).all()
        changes = core.execute(select(rating_changes.c.before, rating_changes.c.after)).all()
    assert [(one.rating, bool(one.withdrawn)) for one in row_of_client if one.id == row.client_id] == [(10, True)]
    assert [tuple(change) for change in changes] == [(7, 1), (1, 10)]


def test_an_unsubscribe_leaves_the_rating(stores: Stores, made: rows.Made) -> None:
    row = claim(stores, worker(stores))[0]

    def stop() -> bool:
        return stores.core.journal.run(lambda tx: consequences.unsubscribe(tx, row.recipient_id, made.list_id, NOW))

    assert stop()
    assert not stop()
    assert rating(stores, row.client_id) == 7
    with stores.core.database.read() as core:
        hours = breakers.by_hour(core, "campaign", made.campaign_id, NOW)
        told = campaign_progress.report(core, made.campaign(stores))
    assert [one.unsubscribed for one in hours.values()] == [1]
    assert told["unsubscribes"] == 1
