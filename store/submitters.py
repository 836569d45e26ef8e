"""Whom a sign-in at the submission ports stands for: a connection by its own login, or by that of its mailbox (S2, M1).

Called by mta/submission in a thread; the caller opens the transaction on `core`.
"""

from __future__ import annotations

from sqlalchemy import Connection as Transaction
from sqlalchemy import select

from store import connections as every
from store.connections import ACTIVE, Connection
from store.mailboxes import Mailbox
from store.schema import connections, mailboxes, senders


def of_mailbox(tx: Transaction, mailbox: Mailbox) -> Connection | None:
    """The oldest approved connection whose sender is this mailbox; None where there is none, so it may not send."""
    login = tx.execute(
        select(connections.c.login)
        .join(senders, senders.c.id == connections.c.sender_id)
        .join(
            mailboxes,
            (mailboxes.c.address_key == senders.c.address_key) & (mailboxes.c.project_id == senders.c.project_id),
        )
        .where(mailboxes.c.id == mailbox.id, connections.c.state == ACTIVE)
        .order_by(connections.c.id)
        .limit(1)
    ).scalar()
    return None if login is None else every.find(tx, login)
