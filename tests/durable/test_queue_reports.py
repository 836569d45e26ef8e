"""Our own DSNs on both engines: one for each fate of a submitted message, in its own transaction or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from mail.outcome import Action, Effect, Outcome, Reason
from peers.smtp_role import Tenant, settle_tenant
from policy.lifecycle import Event, State
from store import consequences, counters, injection, ledger, outgoing, workers
from store.injection import Forward, Submitted
from store.ledger import Claimed, Settlement, Share
from store.schema import flows, messages, recipients, reports
from store.spool import Stored
from store.stores import Stores

SENDER = "ann@ours.test"
LETTER = b"From: ann@ours.test\r\nSubject: hello\r\n\r\nhello\r\n"
HOUR = timedelta(hours=1)


@dataclass
class Bench:
    stores: Stores
    tenant: Tenant
    worker: int

    def submit(
        self, *addresses: str, reverse_path: str = SENDER, at: datetime | None = None, retry: str = "submission"
    ) -> int:
        submitted = Submitted(
            self.tenant.project, self.tenant.connection, reverse_path, "<1@ours.test>",
            Stored(len(LETTER), LETTER, None), "transactional", retry,
        )  # fmt: skip
        forwards = [Forward(one, one, one.partition("@")[2]) for one in addresses]
        handed_in = injection.HandedIn(submitted, forwards, at or datetime.now(UTC))
        return self.stores.core.journal.run(lambda tx: injection.queue_submissions(tx, [handed_in]))[0]

    def claim(self) -> list[Claimed]:
        with self.stores.core.database.read() as core:
            ids = tuple(core.execute(select(flows.c.id)).scalars())
        shares = [Share(ids, 100)]
        return self.stores.core.journal.run(
            lambda tx: ledger.claim_shares(tx, self.worker, shares, datetime.now(UTC) + timedelta(seconds=1))
        )

    def settle(self, rows: Sequence[Claimed], event: Event, code: int = 550, words: str = "550 5.1.1 gone") -> None:
        due = datetime.now(UTC) if event is Event.DEFER else None
        settlements = [
            Settlement(
                row.recipient_id, row.flow_id, self.tenant.project, None, row.client_id, event, due, code=code,
                words=words, source="127.0.0.11",
            )
            for row in rows
        ]  # fmt: skip
        self.stores.core.journal.run(
            lambda tx: ledger.settle(tx, self.worker, settlements, datetime.now(UTC), 4 * HOUR)
        )

    def dsns(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """(reverse-path, forward-path, [(recipient, action)]) of every DSN that was queued."""
        found = []
        with self.stores.core.database.read() as core:
            wanted = select(messages.c.id, messages.c.reverse_path, recipients.c.address).join(
                recipients, recipients.c.message_id == messages.c.id
            )
            for row in core.execute(wanted.where(messages.c.kind == "dsn").order_by(messages.c.id)):
                told = outgoing.our_report(core, row.id)
                assert told is not None
                found.append((row.reverse_path, row.address, [(one.address, one.action) for one in told.fates]))
        return found


@pytest.fixture
def bench(stores: Stores) -> Iterator[Bench]:
    tenant = settle_tenant(stores)
    now = datetime.now(UTC)
    yield Bench(stores, tenant, stores.core.journal.run(lambda tx: workers.register(tx, "sender", "n", 0, now)))


def test_recipients_that_fail_together_are_told_in_one_dsn_to_the_sender(bench: Bench) -> None:
    bench.submit("a@x.test", "b@x.test", "c@y.test")
    a, b, c = sorted(bench.claim(), key=lambda row: row.address)
    bench.settle([a, b], Event.FAIL)
    bench.settle([c], Event.DELIVER)
    assert bench.dsns() == [("", SENDER, [("a@x.test", "failed"), ("b@x.test", "failed")])]


def test_a_dsn_is_transactional_counted_and_has_no_client(bench: Bench) -> None:
    bench.submit("a@x.test")
    bench.settle(bench.claim(), Event.EXPIRE, 451, "451 later")
    with bench.stores.core.database.read() as core:
        flow = core.execute(select(flows).where(flows.c.stream == "dsn")).one()
        row = core.execute(select(recipients).where(recipients.c.flow_id == flow.id)).one()
    assert (flow._mapping["class"], flow.queued, flow.site) == ("transactional", 1, "ours.test")
    assert (row.state, row.client_id) == (State.QUEUED, None)


def test_nobody_is_told_of_a_dsn_that_fails(bench: Bench) -> None:
    bench.submit("a@x.test")
    bench.settle(bench.claim(), Event.FAIL)
    (dsn,) = bench.claim()
    assert dsn.address == SENDER
    bench.settle([dsn], Event.FAIL)
    assert len(bench.dsns()) == 1
    assert bench.claim() == []


def test_a_message_with_a_null_reverse_path_is_never_answered(bench: Bench) -> None:
    bench.submit("a@x.test", reverse_path="")
    bench.settle(bench.claim(), Event.FAIL)
    assert bench.dsns() == []


def test_what_no_program_submitted_is_never_answered(bench: Bench) -> None:
    """A TLS report of ours that fails has nobody who waits for its fate."""
    bench.submit("a@x.test")
    with bench.stores.core.database.write() as tx:
        tx.execute(update(messages).values(connection_id=None))
    bench.settle(bench.claim(), Event.FAIL)
    assert bench.dsns() == []


def test_a_delay_is_told_once_and_only_after_its_time(bench: Bench) -> None:
    bench.submit("young@x.test")
    bench.submit("old@x.test", at=datetime.now(UTC) - 5 * HOUR)
    for _ in range(2):
        rows = [row for row in bench.claim() if row.address != SENDER]
        assert len(rows) == 2
        bench.settle(rows, Event.DEFER, 451, "451 4.7.1 later")
    assert bench.dsns() == [("", SENDER, [("old@x.test", "delayed")])]
    bench.settle([row for row in bench.claim() if row.address == "old@x.test"], Event.EXPIRE, 451, "451 later")
    assert bench.dsns()[1] == ("", SENDER, [("old@x.test", "failed")])


def test_mail_of_a_transactional_connection_is_of_that_class_and_warns_of_no_delay(bench: Bench) -> None:
    bench.submit("old@x.test", at=datetime.now(UTC) - 5 * HOUR, retry="transactional")
    with bench.stores.core.database.read() as core:
        assert core.execute(select(flows.c["class"])).scalars().all() == ["transactional"]
    bench.settle(bench.claim(), Event.DEFER, 451, "451 later")
    assert bench.dsns() == []
    bench.settle(bench.claim(), Event.EXPIRE, 451, "451 later")
    assert bench.dsns() == [("", SENDER, [("old@x.test", "failed")])]


def test_a_row_that_is_handed_back_untried_delays_nothing(bench: Bench) -> None:
    bench.submit("old@x.test", at=datetime.now(UTC) - 5 * HOUR)
    bench.settle(bench.claim(), Event.CLAIM_LOST)
    assert bench.dsns() == []


def test_a_remote_dsn_reaches_the_submitter_once(bench: Bench) -> None:
    bench.submit("a@x.test")
    (row,) = bench.claim()
    bench.settle([row], Event.DELIVER, 250, "250 ok")
    told = Outcome("a@x.test", Action.FAILED, "5.1.1", 550, "no such user", Reason.USERUNKNOWN, Effect.BLOCK, hard=True)
    for arrival in (1, 2):
        bench.stores.core.journal.run(
            lambda tx, arrival=arrival: consequences.apply_report(
                tx, row.recipient_id, told, arrival, datetime.now(UTC)
            )
        )
    assert bench.dsns() == [("", SENDER, [("a@x.test", "failed")])]


def test_killed_before_the_commit_there_is_neither_settlement_nor_dsn_and_then_one_of_each(bench: Bench) -> None:
    bench.submit("a@x.test")
    (row,) = bench.claim()
    one = Settlement(row.recipient_id, row.flow_id, bench.tenant.project, None, row.client_id, Event.FAIL, code=550)

    class KilledError(Exception):
        pass

    def settle_and_die(tx: object) -> None:
        ledger.settle(tx, bench.worker, [one], datetime.now(UTC))
        raise KilledError

    with pytest.raises(KilledError):
        bench.stores.core.journal.run(settle_and_die)
    assert bench.dsns() == []
    bench.worker = bench.stores.core.journal.run(
        lambda tx: workers.register(tx, "sender", "n", 0, datetime.now(UTC))
    )  # the successor
    bench.settle(bench.claim(), Event.FAIL)
    assert len(bench.dsns()) == 1
    with bench.stores.core.database.read() as core:
        assert len(core.execute(select(reports)).all()) == 1
        assert counters.of(core, "campaign", 0) == {}
