"""R1-R4 and R6 through the store, on both engines: whatever way a notice comes, and what its ledger row names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from mail.outcome import Effect, Outcome, Reason
from mail.reply import Reply
from peers import rows, smtp_role
from policy.bounce_class import outcome_of_reply
from policy.consequence import expired
from policy.lifecycle import Event, State
from store import campaigns, clients, consequences, injection, ledger, lists, workers
from store.campaign_content import Content
from store.injection import Forward, HandedIn, Submitted
from store.ledger import Claimed, Settlement, Share
from store.schema import rating_changes
from store.schema import recipients as ledger_rows
from store.spool import Stored
from store.stores import Stores

NOW = datetime(2026, 3, 3, 12, 30, tzinfo=UTC)
UNKNOWN = Reply(550, "5.1.1", "no such user here")
FULL = Reply(452, "4.2.2", "mailbox is over quota")
ARRIVAL = 99


class Shop:
    """A campaign whose rows are claimed, as a sender would."""

    def __init__(self, stores: Stores, count: int = 2) -> None:
        self.stores = stores
        self.made = rows.make_campaign(stores, [f"u{number}@site.test" for number in range(count)])
        rows.launch(stores, self.made)
        rows.expand(stores, self.made)
        self.worker = stores.core.journal.run(lambda tx: workers.register(tx, "sender", "n", 0, datetime.now(UTC)))
        self.row = self.claim()[0]
        assert self.row.client_id is not None
        self.client = self.row.client_id

    def claim(self) -> list[Claimed]:
        with self.stores.core.database.read() as core:
            offered = Share(tuple(flow.id for flow in rows.due(core)), 100)
        now = datetime.now(UTC)
        return self.stores.core.journal.run(lambda tx: ledger.claim_shares(tx, self.worker, [offered], now))

    def settle(self, event: Event, told: Outcome) -> None:
        row, made = self.row, self.made
        one = Settlement(
            row.recipient_id, row.flow_id, made.project_id, made.campaign_id, self.client, event, code=told.code,
            words=told.text, reason=told.reason, effect=told.effect,
        )  # fmt: skip
        self.stores.core.journal.run(lambda tx: ledger.settle(tx, self.worker, [one], NOW))

    def report(self, told: Outcome) -> None:
        self.stores.core.journal.run(
            lambda tx: consequences.apply_report(tx, self.row.recipient_id, told, ARRIVAL, NOW)
        )

    def complain(self) -> None:
        self.stores.core.journal.run(lambda tx: consequences.complaint(tx, self.row.recipient_id, ARRIVAL, NOW))

    def rate(self, rating: int) -> None:
        self.stores.core.journal.run(
            lambda tx: consequences.by_hand(tx, self.made.project_id, self.client, rating, "ann", NOW)
        )

    @property
    def rating(self) -> int:
        with self.stores.core.database.read() as core:
            found = clients.get(core, self.made.project_id, self.client)
        assert found is not None
        return found.rating

    def changes(self) -> list[tuple[Any, ...]]:
        """(before, after, cause, reason, ledger row, arrival) of each, the oldest first."""
        wanted = select(rating_changes).where(rating_changes.c.client_id == self.client).order_by(rating_changes.c.id)
        with self.stores.core.database.read() as core:
            return [
                (one.before, one.after, one.cause, one.reason, one.recipient_id, one.arrival_id)
                for one in core.execute(wanted)
            ]


def at_once(shop: Shop) -> None:
    shop.settle(Event.FAIL, outcome_of_reply("x", UNKNOWN))


def after_the_250(shop: Shop) -> None:
    shop.settle(Event.DELIVER, outcome_of_reply("x", Reply(250, "2.0.0", "ok")))
    shop.report(outcome_of_reply("x", UNKNOWN))


def when_it_expired(shop: Shop) -> None:
    shop.settle(Event.EXPIRE, expired(outcome_of_reply("x", Reply(450, "4.1.1", "no such user here"))))


WAYS: list[tuple[Callable[[Shop], None], str, Reason, int | None]] = [
    (at_once, "block", Reason.USERUNKNOWN, None),
    (after_the_250, "block", Reason.USERUNKNOWN, ARRIVAL),
    (when_it_expired, "block", Reason.USERUNKNOWN, None),
    (Shop.complain, "complaint", Reason.FEEDBACK, ARRIVAL),
]


@pytest.mark.parametrize(("way", "cause", "reason", "arrival"), WAYS, ids=[way[0].__name__ for way in WAYS])
def test_a_bad_address_is_blocked_at_once_whatever_way_the_notice_came_and_its_cause_is_kept(
    stores: Stores, way: Callable[[Shop], None], cause: str, reason: Reason, arrival: int | None
) -> None:
    shop = Shop(stores)
    way(shop)
    assert shop.rating == 1
    assert shop.changes() == [(7, 1, cause, reason, shop.row.recipient_id, arrival)]


def test_a_full_mailbox_costs_one_for_each_message_and_blocks_at_one(stores: Stores) -> None:
    shop = Shop(stores)
    shop.rate(2)
    full = outcome_of_reply("x", FULL)
    assert full.effect is Effect.NONE
    shop.settle(Event.EXPIRE, expired(full))
    shop.report(expired(full))
    assert shop.rating == 1
    assert [change[:3] for change in shop.changes()] == [(7, 2, "hand"), (2, 1, "full")]
    assert _next_message(shop) == [State.SUPPRESSED]


def _next_message(shop: Shop) -> list[State]:
    """What becomes of the client's row in the next campaign of that list."""
    again = rows.Made(shop.made.project_id, _campaign_again(shop), shop.made.list_id, {})
    rows.launch(shop.stores, again)
    rows.expand(shop.stores, again)
    wanted = select(ledger_rows.c.state).where(
        ledger_rows.c.client_id == shop.client, ledger_rows.c.id != shop.row.recipient_id
    )
    with shop.stores.core.database.read() as core:
        return list(core.execute(wanted).scalars())


def _campaign_again(shop: Shop) -> int:
    first = shop.made.campaign(shop.stores)
    saved = Content("again", "<p>again</p>", None, {}, ())
    return shop.stores.core.journal.run(
        lambda tx: campaigns.create(
            tx, first.project_id, "again", first.sender_id, first.list_id, "mailings", saved, NOW
        )
    )


def test_our_fault_and_the_providers_mood_are_no_cause(stores: Stores) -> None:
    shop = Shop(stores)
    for words in ("5.7.1 blocked using a list of spam sources", "5.7.26 unauthenticated mail is not accepted"):
        status, _, text = words.partition(" ")
        shop.report(outcome_of_reply("x", Reply(550, status, text)))
    shop.settle(Event.FAIL, outcome_of_reply("x", Reply(550, "5.7.1", "message looks like spam")))
    assert (shop.rating, shop.changes()) == (7, [])


def test_a_reply_and_a_persons_word_are_in_the_same_ledger(stores: Stores) -> None:
    shop = Shop(stores)
    shop.rate(3)
    stores.core.journal.run(partial(_reply, shop=shop))
    assert shop.changes() == [(7, 3, "hand", None, None, None), (3, 10, "reply", None, None, ARRIVAL)]


def _reply(tx: Any, shop: Shop) -> None:
    consequences.reply(tx, shop.made.project_id, shop.client, ARRIVAL, NOW)


def test_every_address_that_a_program_mails_is_a_client_of_rating_seven(stores: Stores) -> None:
    tenant = smtp_role.settle_tenant(stores)
    submitted = Submitted(
        tenant.project, tenant.connection, "ann@ours.test", "<1@ours.test>", Stored(1, b"x", None), "p"
    )
    forwards = [Forward("New@there.test", "new@there.test", "there.test")]
    stores.core.journal.run(lambda tx: injection.queue_submissions(tx, [HandedIn(submitted, forwards, NOW)]))
    with stores.core.database.read() as core:
        found = clients.find(core, tenant.project, "new@there.test")
        assert not lists.page(core, tenant.project, 0, 10)
    assert found is not None
    assert found.rating == 7
