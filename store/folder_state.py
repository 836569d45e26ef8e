"""What the mails of a folder move in its row: the lock, UIDNEXT, HIGHESTMODSEQ and the counts.

The caller owns the transaction (on `mail`). Every write to a folder's mails begins with `touch` or `lock`, which locks
the row on PostgreSQL. FolderGoneError where the folder was deleted meanwhile.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from store.columns import Count
from store.prepared import Prepared
from store.schema import folders


class FolderGoneError(Exception):
    """The folder was deleted."""


def touch(tx: Connection, folder_id: int, uids: int = 0, octets: int = 0) -> tuple[int, int]:
    """Lock the folder, raise its HIGHESTMODSEQ by one and take `uids` UIDs: (first UID taken, modseq).

    The mails that get those UIDs have `octets` together. FolderGoneError.
    """
    row = _TOUCH.row(tx, of_folder=folder_id, uids=uids, octets=octets)
    if row is None:
        raise FolderGoneError(f"folder {folder_id}")
    return row[0] - uids, row[1]


def lock(tx: Connection, folder_id: int) -> None:
    """Nobody else writes to the folder until the transaction ends. FolderGoneError."""
    if _LOCK.row(tx, of_folder=folder_id) is None:
        raise FolderGoneError(f"folder {folder_id}")


def lock_folders(tx: Connection, *folder_ids: int) -> None:
    """For a write to several, in one order, so that two such writes never wait for each other. FolderGoneError."""
    for folder_id in sorted(set(folder_ids)):
        lock(tx, folder_id)


def shrink(tx: Connection, folder_id: int, mails: int, octets: int) -> None:
    """So many mails have left it, after a `touch` in the same transaction."""
    _SHRINK.run(tx, of_folder=folder_id, mails=mails, octets=octets)


def inherit(tx: Connection, heir_id: int, folder_id: int) -> None:
    """The heir took over all mails of the folder, so it goes on with its UIDs, MODSEQs and counts."""
    columns = ("uidnext", "highestmodseq", "messages", "size_bytes")
    left = tx.execute(select(*(folders.c[name] for name in columns)).where(folders.c.id == folder_id)).one()
    kept = dict(left._mapping) | {"forgotten": left.highestmodseq}
    tx.execute(update(folders).where(folders.c.id == heir_id).values(kept))
    shrink(tx, folder_id, left.messages, left.size_bytes)


def forget(tx: Connection, folder_id: int, modseq: int) -> None:
    """What was expunged up to `modseq` is no longer known one by one."""
    tx.execute(update(folders).where(folders.c.id == folder_id).values(forgotten=modseq))


def claim_recent(tx: Connection, folder_id: int, upto: int) -> int | None:
    """The lowest UID nobody was told of, where it is below `upto`; from now on those below `upto` have been told."""
    before = _LOCK.row(tx, of_folder=folder_id)
    if before is None or before[0] >= upto:
        return None
    _CLAIM_RECENT.run(tx, of_folder=folder_id, upto=upto)
    return int(before[0])


def highestmodseq(tx: Connection, folder_id: int) -> int | None:
    """None where the folder is gone."""
    row = _HIGHESTMODSEQ.row(tx, of_folder=folder_id)
    return None if row is None else int(row[0])


_HERE = folders.c.id == bindparam("of_folder")
_LOCK = Prepared(select(folders.c.recent_from).where(_HERE).with_for_update())
_TOUCH = Prepared(
    update(folders)
    .where(_HERE)
    .values(
        uidnext=folders.c.uidnext + bindparam("uids", type_=Count),
        messages=folders.c.messages + bindparam("uids", type_=Count),
        size_bytes=folders.c.size_bytes + bindparam("octets", type_=Count),
        highestmodseq=folders.c.highestmodseq + 1,
    )
    .returning(folders.c.uidnext, folders.c.highestmodseq)
)
_SHRINK = Prepared(
    update(folders)
    .where(_HERE)
    .values(
        messages=folders.c.messages - bindparam("mails", type_=Count),
        size_bytes=folders.c.size_bytes - bindparam("octets", type_=Count),
    )
)
_CLAIM_RECENT = Prepared(update(folders).where(_HERE).values(recent_from=bindparam("upto", type_=Count)))
_HIGHESTMODSEQ = Prepared(select(folders.c.highestmodseq).where(_HERE))
