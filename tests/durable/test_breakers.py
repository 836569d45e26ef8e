"""Breakers on both engines: what is counted, what is paused or slowed, and how it goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from admin import breaking
from admin.acts import campaigns as acts
from admin.acts import trips
from admin.office import Office
from mail.outcome import Action, Effect, Outcome, Reason
from peers import rows
from peers.vaults import whole_vault
from policy.breaker import Numbers
from policy.lifecycle import Event
from role.log import EventLog
from store import breakers, consequences, ledger, workers
from store.campaigns import CampaignState
from store.ledger import Claimed, Settlement, Share
from store.settings import Breaker
from store.stores import Stores

LOG = EventLog("clock")
NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
PAUSE = Breaker(action="pause", young=timedelta(0))


class Shop:
    def __init__(self, stores: Stores, folder: Path) -> None:
        self.stores = stores
        self.office = Office(stores, whole_vault(bytes(32)), folder, "mailloft.test", ())
        addresses = [f"u{number}@{'a' if number % 2 else 'b'}.test" for number in range(150)]
        self.made = rows.make_campaign(stores, addresses)
        rows.launch(stores, self.made)
        rows.expand(stores, self.made)
        self.worker = stores.core.journal.run(lambda tx: workers.register(tx, "sender", "n", 0, datetime.now(UTC)))
        self.rows = self._claim()
        self.sender = self.made.campaign(stores).sender_id

    def _claim(self) -> list[Claimed]:
        later = datetime.now(UTC)
        with self.stores.core.database.read() as core:
            offered = [Share(tuple(flow.id for flow in rows.due(core, later)), 1000)]
        return self.stores.core.journal.run(lambda tx: ledger.claim_shares(tx, self.worker, offered, later))

    def settle(self, good: int, bad: int, now: datetime = NOW) -> list[Claimed]:
        """So many delivered and so many of unknown users; those that were delivered."""
        taken, self.rows = self.rows[: good + bad], self.rows[good + bad :]
        told = [
            self._settlement(row, Event.DELIVER, Effect.NONE) if at < good
            else self._settlement(row, Event.FAIL, Effect.BLOCK) for at, row in enumerate(taken)
        ]  # fmt: skip
        self.stores.core.journal.run(lambda tx: ledger.settle(tx, self.worker, told, now))
        return taken[:good]

    def _settlement(self, row: Claimed, event: Event, effect: Effect) -> Settlement:
        reason = Reason.USERUNKNOWN if event is Event.FAIL else None
        return Settlement(
            row.recipient_id, row.flow_id, self.made.project_id, self.made.campaign_id, row.client_id, event,
            reason=reason, effect=effect, sender_id=self.sender, provider="gmail",
        )  # fmt: skip

    def judge(self, settings: Breaker = PAUSE, now: datetime = NOW) -> None:
        breaking.judge_all(self.office, settings, LOG, now)

    @property
    def state(self) -> str:
        return self.made.campaign(self.stores).state.value

    def tripped(self) -> list[tuple[str, str, str]]:
        with self.stores.core.database.read() as core:
            return [(one.scope, one.verdict, one.action) for one in breakers.tripped(core)]

    def standing(self, project: int | None = None) -> list[tuple[str, str, str]]:
        return [(one.scope, one.name, one.action) for one in trips.standing(self.office, project)]

    def numbers(self, scope: str) -> dict[str, Numbers]:
        number = {"campaign": self.made.campaign_id, "sender": self.sender, "project": self.made.project_id}[scope]
        with self.stores.core.database.read() as core:
            return breakers.numbers(core, scope, number, NOW - timedelta(days=7))


@pytest.fixture
def shop(stores: Stores, tmp_path: Path) -> Shop:
    return Shop(stores, tmp_path)


def test_answers_reports_and_complaints_are_counted_for_campaign_sender_and_project(shop: Shop) -> None:
    one, other, *_ = shop.settle(100, 3)
    unknown = Outcome("x", Action.FAILED, "5.1.1", 550, "unknown", Reason.USERUNKNOWN, Effect.BLOCK, hard=True)
    shop.stores.core.journal.run(lambda tx: consequences.apply_report(tx, one.recipient_id, unknown, 1, NOW))
    for _ in range(2):  # the same complaint again counts nothing
        shop.stores.core.journal.run(lambda tx: consequences.complaint(tx, other.recipient_id, 2, NOW))
    for scope in breakers.SCOPES:
        total = sum(shop.numbers(scope).values(), Numbers())
        assert (total.sent, total.bounced, total.complained) == (103, 4, 1)


def test_a_campaign_over_the_rate_is_paused_with_the_numbers(shop: Shop) -> None:
    shop.settle(90, 9)
    shop.judge()
    assert shop.state == "running", "99 mails are too few for a rate"
    shop.settle(8, 3)
    shop.judge()
    assert shop.state == "paused"
    reason = shop.made.campaign(shop.stores).state_reason or ""
    assert reason.startswith("breaker: ")
    assert "hard bounces: 12 of 110 in 168 h (10.91%)" in reason


def test_by_default_a_breaker_only_tells(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.settle(80, 40)
    shop.judge(Breaker())
    assert shop.state == "running"
    assert ("campaign", "stop", "notify") in shop.tripped()
    assert "hard bounces: 40 of 120" in capsys.readouterr().err
    shop.judge(Breaker())
    assert capsys.readouterr().err == "", "told once"


def test_a_warning_stops_nothing(shop: Shop) -> None:
    shop.settle(94, 6)
    shop.judge()
    assert shop.state == "running"
    assert ("campaign", "warn", "notify") in shop.tripped()


def test_old_numbers_do_not_count(shop: Shop) -> None:
    shop.settle(60, 60, NOW - timedelta(days=8))
    shop.judge()
    assert shop.tripped() == []


def test_a_paused_campaign_goes_on_by_hand_and_only_new_numbers_stop_it_again(shop: Shop) -> None:
    shop.settle(80, 20)
    shop.judge()
    assert acts.resume(shop.office, shop.made.project_id, shop.made.campaign_id).state == "running"
    shop.judge(now=NOW + timedelta(minutes=10))
    assert shop.state == "running"
    later = NOW + timedelta(hours=2)
    shop.judge(now=later)
    assert shop.state == "running"
    shop.settle(10, 40, later)
    shop.judge(msgspec.structs.replace(PAUSE, mails=50), later)
    assert shop.state == "paused"


def test_a_paused_campaign_goes_on_when_its_time_is_over(shop: Shop) -> None:
    shop.settle(80, 20)
    shop.judge(msgspec.structs.replace(PAUSE, release=timedelta(hours=1)))
    breaking.release_due(shop.office, LOG, NOW + timedelta(minutes=59))
    assert shop.state == "paused"
    breaking.release_due(shop.office, LOG, NOW + timedelta(minutes=61))
    assert shop.state == "running"


def test_what_a_person_paused_is_not_resumed_by_time(shop: Shop) -> None:
    shop.settle(80, 20)
    shop.judge(msgspec.structs.replace(PAUSE, release=timedelta(hours=1)))
    acts.resume(shop.office, shop.made.project_id, shop.made.campaign_id)
    acts.pause(shop.office, shop.made.project_id, shop.made.campaign_id)
    breaking.release_due(shop.office, LOG, NOW + timedelta(hours=2))
    assert shop.state == CampaignState.PAUSED.value


def test_a_slowed_campaign_is_named_to_the_sender_until_it_is_resumed(shop: Shop) -> None:
    shop.settle(80, 20)
    shop.judge(Breaker(action="slow", young=timedelta(0)))

    def slowed() -> frozenset[int]:
        with shop.stores.core.database.read() as core:
            return breakers.slowed(core, NOW)

    assert (shop.state, slowed()) == ("running", {shop.made.campaign_id})
    assert acts.resume(shop.office, shop.made.project_id, shop.made.campaign_id).state == "running"
    assert slowed() == frozenset()


def test_what_tripped_matters_by_its_name_until_what_it_stopped_goes_on(shop: Shop) -> None:
    now = datetime.now(UTC)
    shop.settle(80, 20, now)
    shop.judge(now=now)
    campaign = shop.made.campaign(shop.stores).name
    assert shop.standing(shop.made.project_id + 1) == []
    for project in (None, shop.made.project_id):
        # The sender's and the project's tripped too and found it paused already: one thing to look at, not three.
        assert shop.standing(project) == [("campaign", campaign, "pause")]
    acts.resume(shop.office, shop.made.project_id, shop.made.campaign_id)
    assert shop.standing() == []


def test_a_warning_matters_for_a_day(shop: Shop) -> None:
    for age, matters in ((timedelta(hours=23), True), (timedelta(hours=25), False)):
        told = breakers.Tripped("project", shop.made.project_id, "warn", "notify", "x", datetime.now(UTC) - age, None)
        shop.stores.core.journal.run(lambda tx, told=told: breakers.trip(tx, told))  # type: ignore[misc]  # a lambda's default has no type
        assert bool(shop.standing()) is matters


def test_a_young_sender_is_stopped_by_the_count_alone(shop: Shop) -> None:
    now = datetime.now(UTC)  # the sender is as old as this test
    shop.settle(40, 30, now)
    shop.judge(now=now)
    assert shop.state == "running", "70 mails are too few for a rate"
    shop.judge(Breaker(action="pause"), now)
    assert shop.state == "paused"
    assert ("sender", "stop", "pause") in shop.tripped()


def test_hours_that_nobody_judges_any_more_are_forgotten_but_a_campaigns_report_stays_whole(shop: Shop) -> None:
    shop.settle(10, 1, NOW - timedelta(days=80))
    shop.settle(10, 2)
    shop.stores.core.journal.run(lambda tx: breakers.forget(tx, NOW, timedelta(days=70)))
    ids = {"sender": shop.sender, "project": shop.made.project_id}
    with shop.stores.core.database.read() as core:
        for scope, number in ids.items():
            kept = breakers.numbers(core, scope, number, NOW - timedelta(days=400))
            assert kept == {"gmail": Numbers(12, 2, 0)}, scope
    report = acts.report(shop.office, shop.made.project_id, shop.made.campaign_id)
    assert report["providers"] == {"gmail": {"ended": 23, "bounced": 3, "complained": 0}}
