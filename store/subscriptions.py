"""Names that a person subscribed to: what LSUB and LIST (SUBSCRIBED) tell (RFC 3501 §6.3.6, §6.3.9).

A name stays when its folder goes, and may be there before it. The caller owns the transaction (on `mail`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.schema import folders, subscriptions

MOST: Final = 2000  # of an account


def of_account(tx: Connection, mailbox_id: int) -> frozenset[str]:
    mine = subscriptions.c.mailbox_id == mailbox_id
    return frozenset(tx.execute(select(subscriptions.c.name).where(mine)).scalars())


def add(tx: Connection, mailbox_id: int, names: Iterable[str]) -> None:
    """Idempotent."""
    make = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    rows = [{"mailbox_id": mailbox_id, "name": name} for name in names]
    tx.execute(make(subscriptions).on_conflict_do_nothing(), rows)
    note(tx, mailbox_id)


def remove(tx: Connection, mailbox_id: int, name: str) -> None:
    mine = (subscriptions.c.mailbox_id == mailbox_id) & (subscriptions.c.name == name)
    tx.execute(delete(subscriptions).where(mine))
    note(tx, mailbox_id)


def note(tx: Connection, mailbox_id: int) -> None:
    """Names or subscriptions of the account have changed: who watches its nameless folder row (store/folders) sees."""
    mine = (folders.c.mailbox_id == mailbox_id) & (folders.c.name == "")
    tx.execute(update(folders).where(mine).values(highestmodseq=folders.c.highestmodseq + 1))
