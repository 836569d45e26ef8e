"""Which flow a row goes to: that of its domain's provider once the MX is known, on both engines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from sqlalchemy import select

from mail.outcome import Action
from mta.outbound.offering import Offering
from peers import rows
from peers.smtp_role import Tenant, settle_tenant
from policy.lifecycle import Event
from store import due_flows, flows, hand, injection, reports, roll_up, sites
from store.reports import Told
from store.schema import flows as flow_rows
from store.schema import recipients
from store.spool import Stored
from store.stores import Stores

NOW = datetime.now(UTC)
WEEK = timedelta(days=7)


def queued(stores: Stores) -> dict[str, int]:
    found: dict[str, int] = {}
    with stores.core.database.read() as core:
        for flow in rows.due(core):
            found[flow.site] = found.get(flow.site, 0) + flow.queued
    return found


def tell(stores: Stores, **told: str) -> None:
    known = {name.replace("_", "."): site for name, site in told.items()}
    stores.core.journal.run(lambda tx: sites.tell(tx, known, NOW))


def unasked(stores: Stores, before: datetime = NOW - WEEK) -> list[str]:
    with stores.core.database.read() as core:
        return sorted(sites.unasked(core, before, 100))


def test_every_domain_that_is_met_is_asked_about_once(stores: Stores) -> None:
    rows.make_campaign(stores, ["a@one.test", "b@one.test", "c@two.test"])
    assert unasked(stores) == ["one.test", "two.test"]
    tell(stores, one_test="big", two_test="two.test")
    assert unasked(stores) == []
    rows.make_campaign(stores, ["d@one.test", "e@three.test"], domain="second.test")
    assert unasked(stores) == ["three.test"]
    assert unasked(stores, NOW + WEEK) == ["one.test", "three.test", "two.test"]


def test_one_whose_servers_failed_keeps_its_site_and_is_asked_again(stores: Stores) -> None:
    rows.make_campaign(stores, ["a@one.test"])
    tell(stores, one_test="big")
    stores.core.journal.run(lambda tx: sites.put_off(tx, ["one.test"], NOW - WEEK + timedelta(minutes=10)))
    assert unasked(stores, NOW - WEEK) == []
    assert unasked(stores, NOW - WEEK + timedelta(minutes=11)) == ["one.test"]
    with stores.core.database.read() as core:
        assert sites.of(core, ["one.test", "never.test"]) == {"one.test": "big", "never.test": "never.test"}


def test_a_campaigns_rows_go_to_the_providers_flow_and_are_sorted_by_it(stores: Stores) -> None:
    made = rows.make_campaign(stores, ["a@one.test", "b@two.test", "c@own.test", "d@one.test"])
    tell(stores, one_test="zbig", two_test="zbig", own_test="own.test")
    rows.launch(stores, made)
    rows.expand(stores, made)
    assert queued(stores) == {"zbig": 3, "own.test": 1}


def submit(stores: Stores, tenant: Tenant, *domains: str) -> None:
    forwards = [injection.Forward(f"u@{domain}", f"u@{domain}", domain) for domain in domains]
    mail = injection.Submitted(tenant.project, tenant.connection, "ann@ours.test", "<1@ours.test>",
                               Stored(5, b"hello", None), "mailings")  # fmt: skip
    stores.core.journal.run(
        lambda tx: injection.queue_submissions(tx, [injection.HandedIn(mail, forwards, datetime.now(UTC))])
    )


def waited_for(stores: Stores) -> list[str]:
    with stores.core.database.read() as core:
        return roll_up.waiting(core, 100)


def sites_of_rows(stores: Stores) -> dict[str, str]:
    with stores.core.database.read() as core:
        joined = select(recipients.c.address, flow_rows.c.site).join(flow_rows, flow_rows.c.id == recipients.c.flow_id)
        return {row.address: row.site for row in core.execute(joined)}


def test_rows_of_a_domain_wait_until_its_mx_was_asked_and_go_to_its_providers_flow(stores: Stores) -> None:
    """So none of them goes beside the provider's limits."""
    tenant = settle_tenant(stores)
    submit(stores, tenant, "one.test", "two.test")
    assert queued(stores) == {}
    assert waited_for(stores) == ["one.test", "two.test"]
    rows.asked(stores, one_test="big")
    assert waited_for(stores) == []
    assert queued(stores) == {"big": 1, "two.test": 1}


def test_they_join_the_flow_that_their_stream_has_there_already(stores: Stores) -> None:
    tenant = settle_tenant(stores)
    submit(stores, tenant, "known.test")
    rows.asked(stores, known_test="big")
    for _ in range(roll_up.BATCH + 1):
        submit(stores, tenant, "new.test")
    with stores.core.database.read() as core:
        held = list(
            core.execute(select(recipients.c.id).where(recipients.c.address == "u@new.test").limit(3)).scalars()
        )
    stores.core.journal.run(lambda tx: hand.move(tx, Event.HOLD, held, NOW))
    assert queued(stores) == {"big": 1}
    rows.asked(stores, new_test="big")
    assert queued(stores) == {"big": 1 + roll_up.BATCH - 2}
    with stores.core.database.read() as core:
        kept = core.execute(select(flow_rows.c.queued, flow_rows.c.held).order_by(flow_rows.c.id)).all()
    assert [tuple(row) for row in kept] == [(roll_up.BATCH - 1, 3), (0, 0)]


def test_a_domain_that_changes_its_provider_takes_its_rows_along(stores: Stores) -> None:
    tenant = settle_tenant(stores)
    submit(stores, tenant, "one.test", "two.test")
    rows.asked(stores, one_test="big")
    rows.asked(stores, one_test="big", two_test="big")
    assert sites_of_rows(stores) == {"u@one.test": "big", "u@two.test": "big"}
    assert queued(stores) == {"big": 2}


def test_a_flow_whose_domain_was_told_meanwhile_is_found_again(stores: Stores) -> None:
    """Made by a transaction that began before the answer and ended behind it."""
    tenant = settle_tenant(stores)
    submit(stores, tenant, "one.test")
    stores.core.journal.run(lambda tx: sites.tell(tx, {"one.test": "big"}, NOW))  # and its flow was not seen
    assert waited_for(stores) == ["one.test"]
    assert stores.core.journal.run(lambda tx: roll_up.place(tx, {"one.test": "big"})) == []
    assert queued(stores) == {"big": 1}


def test_our_own_dsns_keep_to_the_providers_limits_too(stores: Stores) -> None:
    tenant = settle_tenant(stores)
    submit(stores, tenant, "far.test")
    rows.asked(stores, far_test="far.test", ours_test="big")
    with stores.core.database.read() as core:
        (row,) = core.execute(select(recipients.c.id)).scalars()
    told = Told(row, Action.FAILED, Event.FAIL, 550, "no such user")
    assert stores.core.journal.run(lambda tx: reports.tell(tx, [told], NOW)) == 1
    rows.asked(stores, ours_test="big")
    assert sites_of_rows(stores)["ann@ours.test"] == "big"


def test_a_flow_behind_thousands_that_stand_still_is_looked_at(stores: Stores) -> None:
    tenant = settle_tenant(stores)
    kinds = {"campaign": ("campaign", "campaign"), "submission": ("connection", "submission")}

    def make(kind: str, count: int, stream_id: int) -> None:
        stream_kind, retry = kinds[kind]
        stream = flows.Stream(tenant.project, stream_kind, stream_id, retry, "mailings")
        named = [f"{kind}{number:04}.test" for number in range(count)]
        stores.core.journal.run(lambda tx: flows.grow(tx, dict.fromkeys(flows.ensure(tx, stream, named).values(), 1)))

    made = rows.make_campaign(stores, ["ann@a.test"])
    rows.launch(stores, made)
    make("campaign", 95, made.campaign_id)
    make("submission", 3, tenant.connection)
    context = SimpleNamespace(stores=stores)
    offering = Offering(context, range(flows.SLOTS), page=20)  # type: ignore[arg-type]  # all that it looks at
    first = [flow.site for flow in offering.look([])]
    assert {f"submission{number:04}.test" for number in range(3)} < set(first)
    assert len(first) == 20 + 20 + 3
    seen = set(first)
    for _ in range(3):
        looked = [flow.site for flow in offering.look([])]
        assert looked[:3] == first[:3]  # what has waited longest is there in every round
        assert len(looked) == len(set(looked))
        seen |= set(looked)
    assert len(seen) == 98


def test_flows_of_other_slots_and_of_a_pool_that_rests_at_the_site_are_not_looked_at(stores: Stores) -> None:
    made = rows.make_campaign(stores, ["ann@a.test", "bob@b.test"])
    rows.launch(stores, made)
    rows.expand(stores, made)
    stream = flows.Stream(made.project_id, "connection", 1, "submission", "alone")
    stores.core.journal.run(lambda tx: flows.grow(tx, dict.fromkeys(flows.ensure(tx, stream, ["a.test"]).values(), 1)))

    def looked(slots: Sequence[int], resting: Sequence[str]) -> list[tuple[str, str]]:
        look = due_flows.Look(slots, datetime.now(UTC), 20, resting)
        with stores.core.database.read() as core:
            return [(flow.pool, flow.site) for page in due_flows.heads(core, look) for flow in page.flows]

    every = range(flows.SLOTS)
    at_a, at_b, alone = ("mailings", "a.test"), ("mailings", "b.test"), ("alone", "a.test")
    assert looked(every, []) == [alone, at_a, at_b]
    assert looked([flows.slot_of("a.test")], []) == [alone, at_a]
    assert looked([], []) == []
    assert looked(every, ["mailings a.test", "mailings elsewhere.test"]) == [alone, at_b]
    assert looked(every, ["alone a.test", "mailings b.test"]) == [at_a]
