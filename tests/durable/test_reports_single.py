"""A report that the clocks of two nodes make at the same moment is queued once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from mail.address import parse_mailbox
from peers.smtp_role import settle_tenant
from store import domains
from store.report_mail import queue_report
from store.schema import messages, recipients
from store.spool import Stored
from store.stores import Stores, open_stores


def test_a_report_that_two_clocks_make_at_once_is_queued_once(location: str, stores: Stores) -> None:
    settle_tenant(stores)
    with stores.core.database.read() as core:
        sender = domains.find(core, "ours.test")
    assert sender is not None
    begun, go_on = threading.Event(), threading.Event()

    def queue(tx: Connection) -> bool:
        stored, to = Stored(1, b"x", None), parse_mailbox("reports@remote.test")
        now = datetime.now(UTC)
        return queue_report(tx, sender, "dmarc-reports", to, "<day@ours.test>", stored, now, whatever_tls=False)

    def first(tx: Connection) -> bool:
        queued = queue(tx)
        begun.set()
        assert go_on.wait(10)
        return queued

    other = open_stores(location)
    with ThreadPoolExecutor(2) as clocks:
        one = clocks.submit(stores.core.journal.run, first)
        assert begun.wait(10)
        two = clocks.submit(other.core.journal.run, queue)
        threading.Timer(0.3, go_on.set).start()  # by then the other has asked, where the database lets it
        assert (one.result(20), two.result(20)) == (True, False)
    other.close()
    with stores.core.database.read() as core:
        assert len(core.execute(select(messages.c.id)).all()) == 1
        assert len(core.execute(select(recipients.c.id)).all()) == 1
