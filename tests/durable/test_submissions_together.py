"""Messages handed in at the same time are queued together: each has its own rows, and none spoils another's answer."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from mail.address import parse_mailbox
from peers.commits import on_commit
from peers.smtp_role import settle_tenant
from policy.submission_replies import WITHDRAWN, blocked
from store import addressee, consequences, injection
from store.injection import Forward, HandedIn, Submitted
from store.schema import clients, counters, flows, messages, recipients
from store.spool import Stored
from store.stores import Stores, open_stores
from store.together import LIMIT, Together, reading, writing

NOW = datetime.now(UTC)


def letter(project: int, connection: int, number: int, *to: str) -> HandedIn:
    octets = b"Subject: %d\r\n\r\n" % number
    made = Submitted(project, connection, "ann@ours.test", f"<{number}@ours.test>", Stored(1, octets, None), "mailings")
    return HandedIn(made, [Forward(one, one.lower(), one.partition("@")[2]) for one in to], NOW)


def kept(stores: Stores) -> list[tuple[str, str, int]]:
    """Message-ID, address and project of each row, in the order of the rows."""
    wanted = (
        select(messages.c.message_id, recipients.c.address, clients.c.project_id)
        .join(messages, messages.c.id == recipients.c.message_id)
        .join(clients, clients.c.id == recipients.c.client_id)
        .order_by(recipients.c.id)
    )
    with stores.core.database.read() as core:
        return [tuple(row) for row in core.execute(wanted)]


def queued(stores: Stores) -> int:
    with stores.core.database.read() as core:
        return sum(core.execute(select(flows.c.queued)).scalars())


class _Behind:
    """Keeps the journal busy, so that whoever asks meanwhile gathers."""

    def __init__(self, stores: Stores) -> None:
        self._stores, self._go, self._begun = stores, threading.Event(), threading.Event()

    def __enter__(self) -> None:
        self._first = self._stores.core.journal.submit(lambda _: (self._begun.set(), self._go.wait(10)))
        assert self._begun.wait(10)

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._first.result(10)


def test_messages_of_two_projects_in_one_turn_keep_their_own_recipients(stores: Stores) -> None:
    ann, bob = settle_tenant(stores), settle_tenant(stores, "other.test")
    queue = writing(stores.core.journal, injection.queue_submissions)
    with _Behind(stores):
        asked = [
            queue.ask(letter(ann.project, ann.connection, 1, "x@one.test", "y@two.test")),
            queue.ask(letter(bob.project, bob.connection, 2, "x@one.test")),
            queue.ask(letter(ann.project, ann.connection, 3, "X@one.test", "x@one.test")),
        ]
    ids = [one.result(10) for one in asked]
    assert len(set(ids)) == 3
    assert sorted(kept(stores)) == [
        ("<1@ours.test>", "x@one.test", ann.project),
        ("<1@ours.test>", "y@two.test", ann.project),
        ("<2@ours.test>", "x@one.test", bob.project),
        ("<3@ours.test>", "x@one.test", ann.project),
    ]
    assert queued(stores) == 4


def test_more_recipients_than_one_statement_takes_are_all_queued(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = settle_tenant(stores)
    monkeypatch.setattr(injection, "PART", 3)
    handed_in = [letter(ann.project, ann.connection, n, *(f"{n}-{m}@one.test" for m in range(n))) for n in range(1, 6)]
    stores.core.journal.run(lambda tx: injection.queue_submissions(tx, handed_in))
    assert [address for _, address, _ in kept(stores)] == [f"{n}-{m}@one.test" for n in range(1, 6) for m in range(n)]
    assert queued(stores) == 15


def test_one_that_cannot_be_queued_is_told_so_and_the_others_are_queued(stores: Stores) -> None:
    ann = settle_tenant(stores)
    queue = writing(stores.core.journal, injection.queue_submissions)
    broken = letter(ann.project, ann.connection, 2, "b@one.test")
    with _Behind(stores):
        first = queue.ask(letter(ann.project, ann.connection, 1, "a@one.test"))
        second = queue.ask(replace(broken, submitted=replace(broken.submitted, connection_id=999_999)))
        third = queue.ask(letter(ann.project, ann.connection, 3, "c@one.test"))
    with pytest.raises(IntegrityError):
        second.result(10)
    assert first.result(10) != third.result(10)
    assert [address for _, address, _ in kept(stores)] == ["a@one.test", "c@one.test"]
    assert queued(stores) == 2


def test_those_who_wait_together_cost_one_commit_and_are_done_behind_it(stores: Stores) -> None:
    ann = settle_tenant(stores)
    order: list[str] = []
    on_commit(stores.core.database, lambda: order.append("commit"))
    queue = writing(stores.core.journal, injection.queue_submissions)
    with _Behind(stores):
        asked = [queue.ask(letter(ann.project, ann.connection, n, f"{n}@one.test")) for n in range(LIMIT + 5)]
        for one in asked:
            one.add_done_callback(lambda _: order.append("done"))
    assert len({one.result(10) for one in asked}) == LIMIT + 5
    assert order == ["commit", "commit", *["done"] * (LIMIT + 5)]


def test_whoever_gives_up_before_the_turn_queues_nothing(stores: Stores) -> None:
    ann = settle_tenant(stores)
    queue = writing(stores.core.journal, injection.queue_submissions)
    with _Behind(stores):
        given_up = queue.ask(letter(ann.project, ann.connection, 1, "a@one.test"))
        waits = queue.ask(letter(ann.project, ann.connection, 2, "b@one.test"))
        assert given_up.cancel()
    waits.result(10)
    assert [address for _, address, _ in kept(stores)] == ["b@one.test"]


def test_a_database_that_is_full_or_gone_is_told_to_all_and_the_next_turn_goes_on() -> None:
    turns: list[Future[object]] = []
    together = Together[int, int](lambda _: turns.append(Future()) or turns[-1], lambda _, asked: asked)
    asked = [together.ask(number) for number in range(3)]
    assert asked[0].cancel()
    turns.pop().set_exception(OperationalError("BEGIN", {}, Exception("disk full")))
    for one in asked[1:]:
        with pytest.raises(OperationalError):
            one.result(1)
    together.ask(4)
    assert len(turns) == 1


def test_addressees_are_judged_each_for_its_own_project(stores: Stores) -> None:
    ann, bob = settle_tenant(stores), settle_tenant(stores, "other.test")
    names = ("gone@one.test", "bad@one.test", "both@one.test", "fine@one.test")
    for number, tenant in enumerate((ann, bob)):
        handed_in = [letter(tenant.project, tenant.connection, number, *names)]
        stores.core.journal.run(lambda tx, handed_in=handed_in: injection.queue_submissions(tx, handed_in))

    def spoil(tx: Connection) -> None:
        for name in ("gone@one.test", "both@one.test"):
            client = consequences.client_by_address(tx, ann.project, name)
            assert client is not None
            consequences.withdraw(tx, ann.project, client, 0, "unsubscribed", None, NOW)
        bad = clients.c.address_key.in_(["bad@one.test", "both@one.test"])
        tx.execute(update(clients).where(clients.c.project_id == ann.project, bad).values(rating=1))

    stores.core.journal.run(spoil)
    asked = [(tenant.project, parse_mailbox(name)) for tenant in (ann, bob) for name in (*names, "new@one.test")]
    with ThreadPoolExecutor(1) as thread:
        waiting = reading(stores.core.database, thread, addressee.refusals)
        told: Sequence[str | None] = [one.result(10) for one in [waiting.ask(each) for each in asked]]
    assert told == [WITHDRAWN, blocked("bad@one.test", "rating 1"), WITHDRAWN, None, None, *[None] * 5]


def test_where_sqlite_undoes_the_turn_by_itself_nobody_is_served_alone(migrated_folder: Path, tmp_path: Path) -> None:
    """Else each would be a transaction of its own, kept though its caller hears of an error."""
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    stores = open_stores(str(tmp_path))
    row = {"scope": "test", "scope_id": 0, "name": "writes", "value": 0}

    def serve(tx: Connection, asked: Sequence[int]) -> list[int]:
        for number in asked:
            tx.execute(insert(counters).prefix_with("OR ROLLBACK").values({**row, "scope_id": number}))
        return list(asked)

    together = writing(stores.core.journal, serve)
    with _Behind(stores):
        futures = [together.ask(number) for number in (1, 2, 2, 3)]
    for future in futures:
        with pytest.raises(IntegrityError):
            future.result(10)
    with stores.core.database.read() as core:
        assert core.execute(select(counters.c.scope_id).where(counters.c.scope == "test")).all() == []
    stores.close()
