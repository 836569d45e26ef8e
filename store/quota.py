"""How full a mailbox is, and how full it may be.

`usage` reads `mail`, `limit` reads `core`. What a folder holds is counted in its row by every write to its mails
(store/folder_state.py), in the same transaction, so a look adds up a handful of rows, however many mails there are.
The MX asks at RCPT, IMAP at APPEND and GETQUOTA (RFC 9208). A mailbox without a limit has none to be over.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from store.schema import folders, mailboxes


@dataclass(frozen=True, slots=True)
class Usage:
    """All folders of a mailbox together, by the size that IMAP tells."""

    messages: int
    octets: int


def usage(tx: Connection, mailbox_id: int) -> Usage:
    """On `mail`; nothing where the mailbox has no folders yet."""
    sums = select(func.sum(folders.c.messages), func.sum(folders.c.size_bytes))
    row = tx.execute(sums.where(folders.c.mailbox_id == mailbox_id)).one()
    return Usage(int(row[0] or 0), int(row[1] or 0))


def limit(tx: Connection, mailbox_id: int) -> int | None:
    """In octets, on `core`; None where there is none."""
    found = tx.execute(select(mailboxes.c.quota_bytes).where(mailboxes.c.id == mailbox_id)).scalar_one_or_none()
    return None if found is None else int(found)
