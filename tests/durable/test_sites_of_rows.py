"""Which flow a row goes to: that of its domain's provider once the MX is known, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from peers import rows
from peers.smtp_role import settle_tenant
from store import flows, injection, sites
from store.spool import Stored
from store.stores import Stores

NOW = datetime.now(UTC)
WEEK = timedelta(days=7)


def queued(stores: Stores) -> dict[str, int]:
    found: dict[str, int] = {}
    with stores.core.database.read() as core:
        for flow in flows.due(core, range(flows.SLOTS), datetime.now(UTC), 100):
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


def test_rows_that_were_made_before_stay_in_the_flow_of_their_domain(stores: Stores) -> None:
    made = rows.make_campaign(stores, ["a@one.test"])
    rows.launch(stores, made)
    rows.expand(stores, made)
    tell(stores, one_test="big")
    later = rows.make_campaign(stores, ["b@one.test"], domain="second.test")
    rows.launch(stores, later)
    rows.expand(stores, later)
    assert queued(stores) == {"one.test": 1, "big": 1}


def test_submitted_mail_goes_there_too(stores: Stores) -> None:
    tenant = settle_tenant(stores)
    forwards = [injection.Forward(f"u@{domain}", f"u@{domain}", domain) for domain in ("one.test", "two.test")]

    def submit() -> None:
        mail = injection.Submitted(tenant.project, tenant.connection, "ann@ours.test", "<1@ours.test>",
                                   Stored(5, b"hello", None), "mailings")  # fmt: skip
        handed_in = injection.HandedIn(mail, forwards, datetime.now(UTC))
        stores.core.journal.run(lambda tx: injection.queue_submissions(tx, [handed_in]))

    submit()
    assert queued(stores) == {"one.test": 1, "two.test": 1}
    assert unasked(stores) == ["one.test", "two.test"]
    tell(stores, one_test="big", two_test="big")
    submit()
    assert queued(stores) == {"one.test": 1, "two.test": 1, "big": 2}
