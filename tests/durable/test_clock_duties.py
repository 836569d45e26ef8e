"""The clock: a scheduled campaign goes through the gate again when it falls due, and waits for an import."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from admin import campaign_duties, importing, sweeping
from admin.acts import campaigns, clients, domains, lists, mailboxes, projects, senders
from admin.acts.campaign_draft import Draft
from admin.loading import Loading
from admin.office import Office
from admin.refusals import ConflictError
from peers.vaults import whole_vault
from role.log import EventLog
from store import campaigns as rows
from store import expansion
from store.campaign_content import Content
from store.stores import Stores

LOG = EventLog("clock")


class Shop:
    """A project whose campaign would pass the gate, scheduled for a moment ago."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office = office
        self.folder = folder
        self.owner = projects.create(office, "shop", campaigns_allowed=True).id
        domains.create(office, self.owner, "shop.test")
        domains.set_states(office, self.owner, "shop.test", {"owned": True, "sending": True})
        mailboxes.create(office, self.owner, "hello@shop.test", None, None)
        sender = senders.create(office, self.owner, "hello@shop.test", "Shop").id
        self.list = lists.create(office, self.owner, "readers").id
        self.client = clients.create(office, self.owner, "ann@a.test", [self.list], {}).id
        content = Content("Hello", "<p>Hello</p>", None, {}, ())
        self.campaign = campaigns.create(office, self.owner, Draft("x", sender, self.list, "mailings", content)).id

    def schedule(self) -> None:
        campaigns.launch(self.office, self.owner, self.campaign, self.office.now() + timedelta(hours=1))
        assert self.state() == "scheduled"

    def fall_due(self) -> None:
        campaign_duties.launch_due(self.office, LOG, self.office.now() + timedelta(hours=2))

    def queue_import(self) -> None:
        file = self.folder / "more.csv"
        file.write_text("address\nbob@b.test\n")
        importing.queue(self.office, self.owner, self.list, file)

    def state(self) -> str:
        return campaigns.get(self.office, self.owner, self.campaign).state


@pytest.fixture
def shop(stores: Stores, tmp_path: Path) -> Shop:
    return Shop(Office(stores, whole_vault(bytes(32)), tmp_path, "mailloft.test", ()), tmp_path)


def test_a_campaign_that_falls_due_is_launched(shop: Shop) -> None:
    shop.schedule()
    campaign_duties.launch_due(shop.office, LOG, shop.office.now())
    assert shop.state() == "scheduled"
    shop.fall_due()
    assert shop.state() == "running"
    assert campaigns.get(shop.office, shop.owner, shop.campaign).recipients == 1


def test_a_campaign_that_fails_the_gate_when_due_is_paused_with_the_reasons(shop: Shop) -> None:
    shop.schedule()
    clients.rate(shop.office, shop.owner, shop.client, 2, "test")
    domains.set_states(shop.office, shop.owner, "shop.test", {"sending": False})
    shop.fall_due()
    found = campaigns.get(shop.office, shop.owner, shop.campaign)
    assert found.state == "paused"
    assert "average rating" in (found.state_reason or "")
    assert "shop.test may not send" in (found.state_reason or "")
    with pytest.raises(ConflictError, match="average rating"):
        campaigns.resume(shop.office, shop.owner, shop.campaign)
    clients.rate(shop.office, shop.owner, shop.client, 8, "test")
    domains.set_states(shop.office, shop.owner, "shop.test", {"sending": True})
    assert campaigns.resume(shop.office, shop.owner, shop.campaign).state == "running"


def test_a_campaign_that_falls_due_during_an_import_waits_for_its_end(shop: Shop) -> None:
    shop.schedule()
    shop.queue_import()
    shop.fall_due()
    assert shop.state() == "scheduled"
    loading = Loading(shop.office, "clock", LOG)
    loading.step()
    while loading.busy:
        loading.step()
    shop.fall_due()
    assert shop.state() == "running"
    assert campaigns.get(shop.office, shop.owner, shop.campaign).recipients == 2


def test_nothing_is_launched_while_an_import_of_the_project_waits_or_runs(shop: Shop) -> None:
    shop.queue_import()
    with pytest.raises(ConflictError, match="1 import"):
        campaigns.launch(shop.office, shop.owner, shop.campaign, None)


def test_a_campaign_is_finished_once_every_recipient_has_a_final_state(shop: Shop) -> None:
    campaigns.launch(shop.office, shop.owner, shop.campaign, None)
    campaign_duties.finish_done(shop.office, LOG)
    assert shop.state() == "running"
    clients.rate(shop.office, shop.owner, shop.client, 1, "test")
    with shop.office.read() as connection:
        running = rows.by_id(connection, shop.owner, shop.campaign)
    assert running is not None
    # Its only recipient is blocked by now, so the row is born suppressed.
    now = shop.office.now()
    assert shop.office.write(lambda tx: expansion.expand(tx, running, [shop.client], now))
    campaign_duties.finish_done(shop.office, LOG)
    assert shop.state() == "finished"


def test_uploads_that_no_import_names_are_removed_and_others_stay(shop: Shop) -> None:
    shop.queue_import()
    orphan = shop.folder / "orphan.csv"
    orphan.write_text("address\n")
    sweeping.sweep_uploads(shop.office, shop.office.now())
    assert orphan.exists()
    sweeping.sweep_uploads(shop.office, shop.office.now() + timedelta(days=1))
    assert not orphan.exists()
    assert (shop.folder / "more.csv").exists()
