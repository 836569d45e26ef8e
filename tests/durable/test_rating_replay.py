"""`rating replay` on rows: what a corrected rule changes is saved once, with its cause; consent is not touched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from mail.outcome import Action, Effect, Outcome, Reason
from peers import rows
from store import consequences, replay
from store.schema import clients, rating_changes, recipients, suppressions
from store.stores import Stores

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def told(words: str, reason: Reason, effect: Effect, code: int = 550, status: str = "5.0.0") -> Outcome:
    return Outcome("x", Action.FAILED, status, code, words, reason, effect, hard=False)


def people(stores: Stores) -> list[Any]:
    with stores.core.database.read() as core:
        return list(core.execute(select(recipients).order_by(recipients.c.id)))


def rating(stores: Stores, client: int) -> int:
    with stores.core.database.read() as core:
        return int(core.execute(select(clients.c.rating).where(clients.c.id == client)).scalar_one())


def entries(stores: Stores, client: int) -> list[tuple[str, int, int]]:
    with stores.core.database.read() as core:
        found = core.execute(
            select(rating_changes).where(rating_changes.c.client_id == client).order_by(rating_changes.c.id)
        )
        return [(one.cause, one.before, one.after) for one in found]


def replayed(stores: Stores, save: bool = True) -> list[replay.Change]:
    with stores.core.database.read() as core:
        ids = replay.part(core, None, 0)
        assert replay.count(core, None) == len(ids)
    return stores.core.journal.run(lambda tx: replay.replay(tx, ids, datetime.now(UTC), save=save))


def reported(stores: Stores, *outcomes: Outcome) -> list[Any]:
    made = rows.make_campaign(stores, [f"c{number}@x.test" for number in range(len(outcomes))])
    rows.launch(stores, made)
    rows.expand(stores, made)
    found = people(stores)
    for row, outcome in zip(found, outcomes, strict=True):
        stores.core.journal.run(
            lambda tx, row=row, one=outcome: consequences.apply_report(tx, row.id, one, row.id, NOW)
        )
    return found


WRONG = told("550 5.7.1 Client host [192.0.2.1] blocked using a DNSBL", Reason.USERUNKNOWN, Effect.BLOCK, 550, "5.7.1")
RIGHT = told("550 5.1.1 user unknown", Reason.USERUNKNOWN, Effect.BLOCK, 550, "5.1.1")
MISSED = told("550 5.1.1 user unknown", Reason.UNDEFINED, Effect.NONE, 550, "5.1.1")


def test_a_wrong_block_is_taken_back_a_missed_one_is_made_and_a_right_one_stays(stores: Stores) -> None:
    wrong, right, missed = reported(stores, WRONG, RIGHT, MISSED)
    assert [rating(stores, one.client_id) for one in (wrong, right, missed)] == [1, 1, 7]
    changes = replayed(stores)
    assert [(one.client_id, one.before, one.after) for one in changes] == [
        (wrong.client_id, 1, 7), (missed.client_id, 7, 1),
    ]  # fmt: skip
    assert "block (userunknown) is none (blocked)" in changes[0].why[0]
    assert [rating(stores, one.client_id) for one in (wrong, right, missed)] == [7, 1, 1]
    assert entries(stores, wrong.client_id) == [("block", 7, 1), ("replay", 1, 7)]
    assert entries(stores, missed.client_id) == [("block", 7, 1), ("replay", 7, 1)]


def test_a_second_replay_and_a_late_report_change_nothing_more(stores: Stores) -> None:
    wrong, missed = reported(stores, WRONG, MISSED)
    replayed(stores)
    before = [entries(stores, one.client_id) for one in (wrong, missed)]
    assert replayed(stores) == []
    late = stores.core.journal.run(lambda tx: consequences.apply_report(tx, missed.id, RIGHT, 99, NOW))
    assert late is False
    assert [entries(stores, one.client_id) for one in (wrong, missed)] == before


def test_a_dry_run_saves_nothing(stores: Stores) -> None:
    (wrong,) = reported(stores, WRONG)
    assert [(one.before, one.after) for one in replayed(stores, save=False)] == [(1, 7)]
    assert rating(stores, wrong.client_id) == 1
    assert entries(stores, wrong.client_id) == [("block", 7, 1)]


def test_a_reply_behind_a_missed_failure_still_counts_and_consent_is_not_touched(stores: Stores) -> None:
    (missed,) = reported(stores, MISSED)
    owner = rows_project(stores, missed.client_id)
    stores.core.journal.run(lambda tx: consequences.reply(tx, owner, missed.client_id, 5, datetime.now(UTC)))
    stores.core.journal.run(lambda tx: consequences.withdraw(tx, owner, missed.client_id, 0, "complained", None, NOW))
    replayed(stores)
    assert rating(stores, missed.client_id) == 10
    with stores.core.database.read() as core:
        assert [one.kind for one in core.execute(select(suppressions))] == ["complained"]


def test_what_no_host_said_is_no_fact(stores: Stores) -> None:
    (missed,) = reported(stores, MISSED)
    stores.core.journal.run(lambda tx: tx.execute(update(recipients).values(last_code=None)))
    assert replayed(stores) == []
    assert rating(stores, missed.client_id) == 7


def rows_project(stores: Stores, client: int) -> int:
    with stores.core.database.read() as core:
        return int(core.execute(select(clients.c.project_id).where(clients.c.id == client)).scalar_one())
