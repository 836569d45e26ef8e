"""What is older than [retention] says is dropped, in pieces, and nothing that is still shown: on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, func, insert, select

from admin.office import Office
from admin.retaining import Retaining
from mail.letter import Letter
from mail.mime_index import index
from peers import smtp_role
from peers.smtp_role import Tenant
from peers.vaults import whole_vault
from policy.acceptance import Accepted, Purpose
from store import arrivals, attempts, conversations, filing, folders, retention, schema
from store.arrivals import Incoming, Received
from store.attempts import Attempt
from store.conversations import Place
from store.filing import Arrived
from store.settings import Retention
from store.spool import Spool
from store.stores import Stores

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
ANCIENT = NOW - timedelta(days=1000)
LARGE = 300_000


@dataclass
class Past:
    stores: Stores
    spool: Spool
    tenant: Tenant
    office: Office
    files: Path

    def came(self, at: datetime, *, size: int = 100, client: int | None = None, sorted_: bool = True) -> int:
        received = Received(at, "carl@remote.test", "192.0.2.1", "r", False, {})
        to = Accepted("ann@ours.test", Purpose.MAILBOX, self.tenant.ann)
        with self.stores.mail.database.write() as tx:
            (arrival,) = arrivals.add(tx, [Incoming(received, self.spool.put(b"x" * size), [to])])
            (loaded,) = arrivals.load(tx, [arrival])
            if client is not None:
                conversations.link(tx, loaded, LETTER, [Place(self.tenant.project, client, self.tenant.ann)])
            if sorted_:
                tx.execute(schema.arrivals.update().where(schema.arrivals.c.id == arrival).values(state="sorted"))
        return arrival

    def sweep(self, kept: Retention = Retention()) -> None:  # noqa: B008 - a frozen value
        Retaining(self.office, self.spool, kept).step(NOW)

    def count(self, table: Table) -> int:
        book = {schema.core: self.stores.core, schema.mail: self.stores.mail, schema.events: self.stores.events}
        with book[table.metadata].database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


LETTER = Letter("Re: offer", "Carl", "Yes.", "", (), "<1@remote.test>", ())


@pytest.fixture
def past(stores: Stores, tmp_path: Path) -> Iterator[Past]:
    office = Office(stores, whole_vault(smtp_role.MASTER), tmp_path, "mx.ours.test", ())
    yield Past(stores, Spool(tmp_path / "spool"), smtp_role.settle_tenant(stores), office, tmp_path / "spool")


def test_what_came_in_goes_when_it_is_old_with_its_bytes_and_what_is_young_or_unsorted_stays(past: Past) -> None:
    past.came(OLD)
    past.came(OLD, size=LARGE)
    waiting, young = past.came(OLD, sorted_=False), past.came(NOW - timedelta(days=1))
    past.sweep()
    with past.stores.mail.database.read() as connection:
        left = set(connection.execute(select(schema.arrivals.c.id)).scalars())
    assert left == {young, waiting}
    assert past.count(schema.contents) == past.count(schema.arrival_recipients) == 2
    assert [path for path in past.files.rglob("*") if path.is_file()] == []


def test_a_mail_in_a_mailbox_keeps_its_bytes(past: Past) -> None:
    arrival = past.came(OLD)
    with past.stores.mail.database.write() as tx:
        (loaded,) = arrivals.load(tx, [arrival])
        inbox = folders.ensure_folders(tx, past.tenant.ann, OLD)
        filing.file_arrivals(tx, inbox, [Arrived(loaded.content_id, 100, OLD, arrival, index(b"x" * 100))], OLD)
    past.sweep()
    assert (past.count(schema.arrivals), past.count(schema.contents), past.count(schema.filed)) == (0, 1, 1)


def test_a_letter_keeps_its_arrival_until_it_goes_itself_and_the_conversation_with_the_last(past: Past) -> None:
    past.came(ANCIENT, client=1)
    past.came(OLD, client=1)
    past.came(ANCIENT, client=2)
    past.sweep()
    assert (past.count(schema.correspondence), past.count(schema.conversations), past.count(schema.arrivals)) == (
        1,
        1,
        1,
    )


def test_nothing_goes_where_nothing_is_asked_for(past: Past) -> None:
    past.came(ANCIENT, client=1)
    past.came(ANCIENT)
    never = timedelta()
    past.sweep(Retention(never, never, never))
    assert (past.count(schema.correspondence), past.count(schema.arrivals)) == (1, 2)


def test_attempts_go_in_pieces_until_none_is_old(past: Past) -> None:
    tried = [Attempt(1, at, "127.0.0.2", "mx", None, 250, "ok", None, 3) for at in (OLD, NOW) for _ in range(450)]
    past.stores.events.journal.run(lambda tx: attempts.record(tx, tried))
    with past.stores.events.database.write() as tx:
        assert retention.forget_attempts(tx, NOW - timedelta(days=90)) == retention.AT_ONCE
    past.sweep()
    assert past.count(schema.attempts) == 450


def test_that_a_mail_was_sent_on_is_forgotten_with_it(past: Past) -> None:
    arrival = past.came(OLD)
    with past.stores.core.database.write() as tx:
        message = tx.execute(
            insert(schema.messages).values(
                project_id=past.tenant.project, kind="forward", reverse_path="", size_bytes=1, created_at=OLD
            )
        ).inserted_primary_key[0]
        tx.execute(insert(schema.forwards).values(arrival_id=arrival, target_key="x@y.test", message_id=message))
    past.sweep()
    assert past.count(schema.forwards) == 0
