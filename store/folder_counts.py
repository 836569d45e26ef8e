"""What a folder's mails come to: a scan of an index, but for what the folder's row keeps. Read only, on `mail`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from store.schema import filed, folders


@dataclass(frozen=True, slots=True)
class Counts:
    messages: int
    unseen: int
    size_bytes: int
    deleted: int
    recent: int


def count(tx: Connection, folder_id: int) -> Counts:
    """What STATUS asks: a scan of an index, but for what the folder's row keeps."""
    seen = func.sum(case((filed.c.flags.like("%\\Seen%", escape="|"), 1), else_=0))
    deleted = func.sum(case((_IS_DELETED, 1), else_=0))
    told = select(folders.c.recent_from).where(folders.c.id == folder_id).scalar_subquery()
    recent = func.sum(case((filed.c.uid >= told, 1), else_=0))
    sums = select(func.count(), seen, deleted, recent).where(filed.c.folder_id == folder_id)
    messages, *others = tx.execute(sums).one()
    seen_ones, deleted_ones, recent_ones = (int(value or 0) for value in others)
    octets = tx.execute(select(folders.c.size_bytes).where(folders.c.id == folder_id)).scalar()
    return Counts(messages, messages - seen_ones, int(octets or 0), deleted_ones, recent_ones)


def deleted_bytes(tx: Connection, folder_id: int) -> int:
    """What EXPUNGE would free: a scan of the folder."""
    octets = select(func.sum(filed.c.size_bytes)).where(filed.c.folder_id == folder_id, _IS_DELETED)
    return int(tx.execute(octets).scalar() or 0)


_IS_DELETED = filed.c.flags.like("%\\Deleted%", escape="|")
