"""Mail that goes on to another host: queued once with a reverse-path of ours, and its failure told to whom it may."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from mail.address import parse_mailbox
from mail.outcome import Action
from mta.inbound.sort import Sorter
from mta.outbound.compose import Composer, Outgoing, Recipe, Recipes
from peers.doomed import dies
from peers.smtp_role import MASTER, Tenant
from peers.sorting import SRS, TOKENS
from peers.vaults import whole_vault
from policy.acceptance import Accepted, Purpose
from policy.lifecycle import Event
from role.context import Context
from role.log import EventLog
from store import arrivals, folders, mail_scan, reports
from store.arrivals import Incoming, Received
from store.ledger import Claimed
from store.reports import Told
from store.schema import messages, recipients
from store.settings import Settings
from store.spool import Spool
from store.stores import Stores

MAIL = (
    b"Return-Path: <carl@remote.test>\r\nReceived: by x\r\nFrom: Carl <carl@remote.test>\r\nSubject: hi\r\n\r\nHi.\r\n"
)
PROVED = {"spf": "pass", "spf_domain": "remote.test", "dmarc": "pass", "from_domain": "remote.test"}
NOW = datetime.now(UTC)


def arrive(
    stores: Stores, spool: Spool, sender: str, found: dict[str, Any], *to: Accepted, content: bytes = MAIL
) -> int:
    received = Received(NOW, sender, "127.0.0.1", "mx.remote.test", False, found)
    with stores.mail.database.write() as tx:
        return arrivals.add(tx, [Incoming(received, spool.put(content), to)])[0]


def queued(stores: Stores) -> list[Any]:
    """Message and address of each row, in order."""
    wanted = select(recipients.c.address, recipients.c.id.label("row"), messages).join(messages)
    with stores.core.database.read() as tx:
        return list(tx.execute(wanted.order_by(recipients.c.id)))


def composed(stores: Stores, spool: Spool, row: Any) -> Outgoing:
    """What the sender would put on the wire for it."""
    context = Context(
        name="sender", position=0, of=1, node="test", settings=Settings(), stores=stores, spool=spool,
        vault=whole_vault(MASTER), log=EventLog("sender"), certificate=Path(), private_key=Path(), sockets={},
        public_url="https://ours.test", ready=lambda: None,
    )  # fmt: skip
    claimed = Claimed(row.row, 1, row.id, None, row.address, 0, NOW, None)
    recipe = Recipes(context).of([row.id])[row.id]
    assert isinstance(recipe, Recipe)
    return Composer(TOKENS, "").compose(recipe, claimed, {}, parse_mailbox(row.address), NOW)


def onward(tenant: Tenant, target: str = "carla@elsewhere.test") -> Accepted:
    return Accepted(target, Purpose.FORWARD, tenant.domain)


def test_a_copy_goes_on_as_it_came_and_a_mailbox_keeps_its_own(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    here = Accepted("ann@ours.test", Purpose.MAILBOX, tenant.ann)
    arrive(stores, spool, "carl@remote.test", PROVED, onward(tenant), here, onward(tenant, "Carla@elsewhere.test"))
    sorter.step()
    (row,) = queued(stores)
    assert (row.address, row.kind, row.project_id) == ("carla@elsewhere.test", "forward", tenant.project)
    path = parse_mailbox(row.reverse_path)
    assert SRS.original(path.local, NOW.date()) == parse_mailbox("carl@remote.test")
    assert path.domain == "ours.test"
    assert spool.get(row.bytes, row.file) == b"Delivered-To: carla@elsewhere.test\r\n" + MAIL.split(b"\r\n", 1)[1]
    with stores.mail.database.read() as tx:
        inbox = folders.by_name(tx, tenant.ann, "INBOX")
        assert inbox is not None
        assert len(mail_scan.uids_of(tx, inbox.id)) == 1


def test_an_arrival_that_is_sorted_again_after_a_kill_goes_on_once(
    stores: Stores, location: str, spool: Spool, tmp_path: Path, tenant: Tenant, sorter: Sorter
) -> None:
    arrive(stores, spool, "carl@remote.test", PROVED, onward(tenant))
    # The commit on core is done, the one on mail never comes.
    dies("sort", "mta.inbound.sort:Sorter._finished", location, tmp_path / "spool")
    assert len(queued(stores)) == 1
    assert sorter.step() == 1
    assert len(queued(stores)) == 1


@pytest.mark.parametrize(
    ("sender", "found", "path", "told"),
    [
        ("carl@remote.test", PROVED, "SRS0=", 1),
        ("carl@remote.test", {"spf": "fail", "spf_domain": "remote.test"}, "@ours.test", 0),
        ("", {"spf": "none", "spf_domain": "mx.remote.test"}, "", 0),
    ],
)
def test_security_18_a_failure_is_told_to_a_proved_sender_alone(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter,
    sender: str, found: dict[str, Any], path: str, told: int,
) -> None:  # fmt: skip
    arrive(stores, spool, sender, found, onward(tenant))
    sorter.step()
    (row,) = queued(stores)
    assert row.reverse_path[: len(path)] == path
    assert bool(row.reverse_path) == bool(path)
    on_the_wire = composed(stores, spool, row)
    own = f"{TOKENS.reverse_path_local(row.row)}@ours.test"
    assert on_the_wire.reverse_path == (own if path.startswith("@") else row.reverse_path)
    assert on_the_wire.content == spool.get(row.bytes, row.file)
    failure = Told(row.row, Action.FAILED, Event.FAIL, 550, "550 5.1.1 unknown")
    with stores.core.database.write() as tx:
        assert reports.tell(tx, [failure], NOW) == told
    assert [one.address[:5] for one in queued(stores)[1:]] == ["SRS0="] * told


def test_a_report_to_a_rewritten_sender_goes_back_to_who_sent_first(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    made = SRS.rewritten(parse_mailbox("carl@remote.test"), "ours.test", NOW.date())
    report = b"Return-Path: <>\r\nFrom: <>\r\nSubject: failed\r\n\r\nIt failed.\r\n"
    arrive(stores, spool, "", {}, Accepted(str(made), Purpose.RETURN, tenant.domain), content=report)
    sorter.step()
    (row,) = queued(stores)
    assert (row.address, row.reverse_path, row.kind) == ("carl@remote.test", "", "forward")


def test_junk_that_a_mailbox_keeps_does_not_go_on(stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter) -> None:
    here = Accepted("ann@ours.test", Purpose.MAILBOX, tenant.ann)
    arrive(stores, spool, "carl@remote.test", {"disposition": "quarantine"}, onward(tenant), here)
    sorter.step()
    assert queued(stores) == []
