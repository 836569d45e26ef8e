"""The last code that was mailed to prove a sender's address, hashed, with the tries made (PRODUCT C1).

Called by admin/acts/sender_codes.py. Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from store.schema import sender_codes


@dataclass(frozen=True, slots=True)
class Code:
    code_hash: bytes
    sent_at: datetime
    tries: int


def put(tx: Connection, sender: int, code_hash: bytes, now: datetime) -> None:
    """In place of the one before, with no tries made."""
    forget(tx, sender)
    tx.execute(insert(sender_codes).values(sender_id=sender, code_hash=code_hash, sent_at=now, tries=0))


def get(tx: Connection, sender: int) -> Code | None:
    row = tx.execute(select(sender_codes).where(sender_codes.c.sender_id == sender)).one_or_none()
    return None if row is None else Code(row.code_hash, row.sent_at, row.tries)


def tried(tx: Connection, sender: int, most: int) -> bool:
    """Count a try; False where `most` were made before."""
    mine = (sender_codes.c.sender_id == sender, sender_codes.c.tries < most)
    return tx.execute(update(sender_codes).where(*mine).values(tries=sender_codes.c.tries + 1)).rowcount == 1


def forget(tx: Connection, sender: int) -> None:
    tx.execute(delete(sender_codes).where(sender_codes.c.sender_id == sender))
