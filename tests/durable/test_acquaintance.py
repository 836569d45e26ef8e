"""M3: an unknown writer, or who is on a vCard, becomes a client where the mailbox says so; spammers do not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from mta.inbound.sort import Sorter
from peers.smtp_role import Tenant
from policy.acceptance import Accepted, Purpose
from policy.correspondents import Standing
from store import arrivals, clients, correspondents, mailboxes
from store.arrivals import Incoming, Received
from store.spool import Spool
from store.stores import Stores

CARD = "BEGIN:VCARD\r\nEMAIL:dora@doe.test\r\nEMAIL:bob@ours.test\r\nEND:VCARD\r\n"
MAIL = (
    "From: Carl <Carl@Remote.test>\r\nTo: ann@ours.test\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
    f'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHello Ann\r\n--b\r\n'
    f"Content-Type: text/vcard\r\n\r\n{CARD}--b--\r\n"
).encode()


def arrive(stores: Stores, spool: Spool, tenant: Tenant, content: bytes = MAIL, **found: str) -> None:
    told = {"dmarc": "none", "disposition": "none", **found}
    received = Received(datetime.now(UTC), "carl@remote.test", "127.0.0.1", "mx.remote.test", False, told)
    to_ann = Accepted("ann@ours.test", Purpose.MAILBOX, tenant.ann)
    with stores.mail.database.write() as tx:
        arrivals.add(tx, [Incoming(received, spool.put(content), [to_ann])])


def switch(stores: Stores, tenant: Tenant, **values: bool) -> None:
    with stores.core.database.write() as tx:
        assert mailboxes.change(tx, tenant.project, tenant.ann, values)


def met(stores: Stores, tenant: Tenant) -> dict[str, int]:
    with stores.core.database.read() as tx:
        return {one.address: one.rating for one in clients.page(tx, tenant.project, None, 0, 100)}


def sort_all(sorter: Sorter) -> None:
    while sorter.step():
        pass


def test_nobody_becomes_a_client_by_default(stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter) -> None:
    arrive(stores, spool, tenant)
    sort_all(sorter)
    assert met(stores, tenant) == {}


def test_mail_of_a_stranger_costs_core_no_write(stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter) -> None:
    def writes() -> float:
        return REGISTRY.get_sample_value("mailloft_write_seconds_count", {"database": "core"}) or 0.0

    before = writes()
    arrive(stores, spool, tenant)
    sort_all(sorter)
    assert writes() == before
    switch(stores, tenant, adds_writers=True)
    arrive(stores, spool, tenant)
    sort_all(sorter)
    assert writes() > before


def test_two_mails_of_a_newcomer_in_one_group_are_a_client_who_replied(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    switch(stores, tenant, adds_writers=True)
    arrive(stores, spool, tenant)
    arrive(stores, spool, tenant)
    sort_all(sorter)
    with stores.core.database.read() as tx:
        (client,) = clients.page(tx, tenant.project, None, 0, 10)
        assert [one.cause for one in clients.rating_history(tx, client.id, 10)] == ["reply", "reply"]


def test_the_writer_becomes_a_client_whose_mail_it_is(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    switch(stores, tenant, adds_writers=True)
    arrive(stores, spool, tenant)
    sort_all(sorter)
    assert met(stores, tenant) == {"carl@remote.test": 10}  # 7 as everybody who is met, 10 since a person wrote (R4)
    with stores.core.database.read() as tx:
        (client,) = clients.page(tx, tenant.project, None, 0, 10)
        assert [(one.before, one.after, one.cause) for one in clients.rating_history(tx, client.id, 10)] == [
            (7, 10, "reply")
        ]
    arrive(stores, spool, tenant)
    sort_all(sorter)
    assert len(met(stores, tenant)) == 1


def test_who_is_on_a_card_becomes_a_client_but_no_colleague(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    switch(stores, tenant, adds_cards=True)
    arrive(stores, spool, tenant)
    sort_all(sorter)
    assert met(stores, tenant) == {"dora@doe.test": 7}


def test_whom_the_mailbox_denies_becomes_no_client(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter
) -> None:
    switch(stores, tenant, adds_writers=True, adds_cards=True)
    with stores.core.database.write() as tx:
        correspondents.put(tx, tenant.ann, "remote.test", Standing.DENY, datetime.now(UTC))
    arrive(stores, spool, tenant)
    sort_all(sorter)
    assert met(stores, tenant) == {}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (MAIL, {"dmarc": "fail"}),
        (MAIL, {"disposition": "quarantine"}),
        (MAIL, {"listed": "zen.example"}),
        (MAIL.replace(b"Subject", b"Auto-Submitted: auto-replied\r\nSubject"), {}),
        (MAIL.replace(b"Subject", b"List-Id: <news.remote.test>\r\nPrecedence: bulk\r\nSubject"), {}),
    ],
)
def test_junk_forgeries_and_machines_make_no_clients(
    stores: Stores, spool: Spool, tenant: Tenant, sorter: Sorter, content: bytes, found: dict[str, str]
) -> None:
    switch(stores, tenant, adds_writers=True, adds_cards=True)
    arrive(stores, spool, tenant, content, **found)
    sort_all(sorter)
    assert met(stores, tenant) == {}
