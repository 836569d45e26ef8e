"""Mails leave a folder: expunged, cleared, gone with it; and which UIDs went, for QRESYNC (RFC 7162).

The caller owns the transaction (on `mail`). A content goes with the last row that names it; its spool file is named in
the answer and dropped by the caller after the commit. FolderGoneError where the folder was deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from store import folder_state, folders
from store.columns import Count
from store.content_rows import drop_unnamed
from store.mail_flags import DELETED
from store.mail_scan import existing, runs, scan, uids_of
from store.prepared import Prepared
from store.schema import expunged, filed
from store.schema import folders as folders_table

REMEMBERED: Final = 10_000  # expunged UIDs of a folder


@dataclass(frozen=True, slots=True)
class Expunged:
    """`files`: spool files that no row names any more, to be dropped after the commit."""

    uids: tuple[int, ...]
    files: tuple[str, ...]


def expunge(tx: Connection, folder_id: int, uids: Sequence[int]) -> Expunged:
    """Remove those of `uids` (ascending, at most BATCH) that are flagged \\Deleted."""
    folder_state.lock(tx, folder_id)
    doomed = [uid for uid, flags in scan(tx, folder_id, uids, ("flags",)) if DELETED in flags.split()]
    if not doomed:
        return Expunged((), ())
    return Expunged(tuple(doomed), logged_removal(tx, folder_id, doomed))


def remove(tx: Connection, folder_id: int, uids: Sequence[int]) -> Expunged:
    """Remove those of `uids` (ascending, at most BATCH) that are there, whatever their flags."""
    folder_state.lock(tx, folder_id)
    doomed = sorted(uid for uid, _ in existing(tx, folder_id, uids))
    if not doomed:
        return Expunged((), ())
    return Expunged(tuple(doomed), logged_removal(tx, folder_id, doomed))


def delete_folder(tx: Connection, folder_id: int) -> Expunged:
    """Remove a folder with its mails; its inferiors stay (RFC 3501 §6.3.4)."""
    folders.lock_names(tx, folder_id)
    folder_state.touch(tx, folder_id)
    uids = list(uids_of(tx, folder_id))
    files = _remove(tx, folder_id, uids)
    tx.execute(delete(expunged).where(expunged.c.folder_id == folder_id))
    folders.remove(tx, folder_id)
    return Expunged(tuple(uids), files)


def clear(tx: Connection, folder_id: int, most: int) -> Expunged:
    """Remove `most` of its mails, the first; nobody is to hear of it, since the folder goes too."""
    folder_state.touch(tx, folder_id)
    first = select(filed.c.uid).where(filed.c.folder_id == folder_id).order_by(filed.c.uid).limit(most)
    uids = tuple(tx.execute(first).scalars())
    return Expunged(uids, _remove(tx, folder_id, uids))


def expunged_since(tx: Connection, folder_id: int, modseq: int) -> list[int] | None:
    """The UIDs that went after `modseq`, ascending; None where not all of that is remembered."""
    forgotten = _FORGOTTEN.row(tx, of_folder=folder_id)
    if forgotten is None or modseq < forgotten[0]:
        return None
    return [uid for (uid,) in _EXPUNGED_SINCE.rows(tx, of_folder=folder_id, since=modseq)]


def logged_removal(tx: Connection, folder_id: int, uids: Sequence[int]) -> tuple[str, ...]:
    _, modseq = folder_state.touch(tx, folder_id)
    files = _remove(tx, folder_id, uids)
    log_removal(tx, folder_id, modseq, uids)
    return files


def log_removal(tx: Connection, folder_id: int, modseq: int, uids: Sequence[int]) -> None:
    """Keep which UIDs went, for QRESYNC: the newest REMEMBERED; `folders.forgotten` says where memory begins."""
    _EXPUNGED.each(tx, [{"folder_id": folder_id, "modseq": modseq, "uid": uid} for uid in uids])
    horizon = _HORIZON.row(tx, of_folder=folder_id, remembered=REMEMBERED)
    if horizon is not None:
        mine = expunged.c.folder_id == folder_id
        tx.execute(delete(expunged).where(mine, expunged.c.modseq <= horizon[0]))
        folder_state.forget(tx, folder_id, horizon[0])


def _remove(tx: Connection, folder_id: int, uids: Sequence[int]) -> tuple[str, ...]:
    named, octets = list[int](), 0
    for low, high in runs(uids):
        for content_id, size_bytes in _REMOVE.rows(tx, of_folder=folder_id, low=low, high=high):
            named.append(content_id)
            octets += size_bytes
    folder_state.shrink(tx, folder_id, len(named), octets)
    return drop_unnamed(tx, named)


_EXPUNGED_OF = expunged.c.folder_id == bindparam("of_folder")
_FORGOTTEN = Prepared(select(folders_table.c.forgotten).where(folders_table.c.id == bindparam("of_folder")))
_EXPUNGED_SINCE = Prepared(
    select(expunged.c.uid).where(_EXPUNGED_OF, expunged.c.modseq > bindparam("since")).order_by(expunged.c.uid)
)
_HORIZON = Prepared(
    select(expunged.c.modseq)
    .where(_EXPUNGED_OF)
    .order_by(expunged.c.modseq.desc())
    .offset(bindparam("remembered", type_=Count))
    .limit(1)
)
_EXPUNGED = Prepared(insert(expunged))
_REMOVE = Prepared(
    delete(filed)
    .where(filed.c.folder_id == bindparam("of_folder"), filed.c.uid.between(bindparam("low"), bindparam("high")))
    .returning(filed.c.content_id, filed.c.size_bytes)
)
