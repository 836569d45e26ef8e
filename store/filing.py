"""Mails come into folders: filed as they arrive, copied and moved from others.

The caller owns the transaction (on `mail`); writes go through `stores.mail.journal`. Each write locks the folder's
row first (`folder_state.touch`) and takes UIDs and the MODSEQ in the same transaction as the rows, so neither is ever
given twice, whatever dies. FolderGoneError where the folder was deleted meanwhile.
Filing is idempotent by (folder, arrival).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, null, select, update
from sqlalchemy.sql.elements import ColumnElement

from mail.mime_index import Indexed
from store import content_rows, folder_state, folders, removal, search_texts
from store.columns import Count
from store.mail_flags import joined
from store.mail_scan import existing, runs
from store.prepared import Prepared
from store.schema import filed
from store.spool import Stored


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail that is to be filed: its content row, and the arrival that it came as, if it did."""

    content_id: int
    size_bytes: int
    internaldate: datetime
    arrival_id: int | None
    index: Indexed


def file_message(
    tx: Connection,
    folder_id: int,
    content: Stored | int,
    index: Indexed,
    flags: Iterable[str],
    internaldate: datetime,
    saved_at: datetime,
    arrival_id: int | None = None,
) -> int:
    """The UID of the mail in that folder; the same one where this arrival was filed there before.

    `content`: what `Spool.put` said of the bytes, or the id of a content row (an arrival's). `index`: made before the
    transaction, by `mail.mime_index.index`.
    """
    if arrival_id is not None and (before := _filed_before(tx, folder_id, arrival_id)) is not None:
        return before
    content_id, size = _content(tx, content)
    mail = Arrived(content_id, size, internaldate, arrival_id, index)
    return _file(tx, folder_id, [mail], joined(flags), saved_at)


def file_arrivals(tx: Connection, folder_id: int, mails: Sequence[Arrived], saved_at: datetime) -> int:
    """Those that were not filed there before, in their order, with few statements for all; how many."""
    ids = [mail.arrival_id for mail in mails]
    known = select(filed.c.arrival_id).where((filed.c.folder_id == folder_id) & filed.c.arrival_id.in_(ids))
    before = set(tx.execute(known).scalars())
    fresh = [mail for mail in mails if mail.arrival_id not in before]
    if fresh:
        _file(tx, folder_id, fresh, "", saved_at)
    return len(fresh)


def _file(tx: Connection, folder_id: int, mails: Sequence[Arrived], flags: str, saved_at: datetime) -> int:
    """The first UID of theirs."""
    search_texts.keep(tx, {mail.content_id: mail.index.asked for mail in mails})
    first, modseq = folder_state.touch(tx, folder_id, len(mails), sum(mail.size_bytes for mail in mails))
    rows = [
        {
            "folder_id": folder_id,
            "uid": uid,
            "modseq": modseq,
            "flags": flags,
            "internaldate": mail.internaldate,
            "saved_at": saved_at,
            "email_id": mail.index.email_id,
            "thread_id": mail.index.thread_id,
            "size_bytes": mail.size_bytes,
            "content_id": mail.content_id,
            "arrival_id": mail.arrival_id,
            "envelope": mail.index.envelope,
            "body": mail.index.body,
            "bodystructure": mail.index.bodystructure,
            "parts": mail.index.parts.to_bytes(),
        }
        for uid, mail in enumerate(mails, first)
    ]
    _FILE.each(tx, rows)
    return first


def _content(tx: Connection, content: Stored | int) -> tuple[int, int]:
    """Its row and its size."""
    if isinstance(content, Stored):
        return content_rows.put_contents(tx, [content])[0], content.size_bytes
    return content, content_rows.size_of(tx, content)


def _filed_before(tx: Connection, folder_id: int, arrival_id: int) -> int | None:
    wanted = (filed.c.folder_id == folder_id) & (filed.c.arrival_id == arrival_id)
    return tx.execute(select(filed.c.uid).where(wanted)).scalar()


def copy(tx: Connection, source_id: int, uids: Sequence[int], target_id: int, now: datetime) -> list[tuple[int, int]]:
    """(UID, UID of its copy) of each that is there, in order. The copies share content, flags and date."""
    sizes = dict(existing(tx, source_id, uids))
    here = sorted(sizes)
    if not here:
        return []
    first, modseq = folder_state.touch(tx, target_id, len(here), sum(sizes.values()))
    pairs = [(uid, first + step) for step, uid in enumerate(here)]
    taken = first
    for low, high in runs(here):
        _COPY.run(
            tx, of_folder=source_id, low=low, high=high, to_folder=target_id, higher=taken - low, new_modseq=modseq,
            saved=now,
        )  # fmt: skip
        taken += high - low + 1
    return pairs


def move(tx: Connection, source_id: int, uids: Sequence[int], target_id: int, now: datetime) -> list[tuple[int, int]]:
    """As `copy`, and they leave the source in the same transaction (RFC 6851)."""
    folder_state.lock_folders(tx, source_id, target_id)
    pairs = copy(tx, source_id, uids, target_id, now)
    if pairs:
        removal.logged_removal(tx, source_id, [uid for uid, _ in pairs])
    return pairs


def empty_into(tx: Connection, source: folders.Folder, name: str, now: datetime) -> None:
    """All mails go to a new folder of that name with their UIDs: RENAME of INBOX (RFC 3501 §6.3.5)."""
    made = folders.create(tx, source.mailbox_id, name, now)
    _, modseq = folder_state.touch(tx, source.id)
    gone = tx.execute(select(filed.c.uid).where(filed.c.folder_id == source.id)).scalars().all()
    tx.execute(update(filed).where(filed.c.folder_id == source.id).values(folder_id=made.id))
    removal.log_removal(tx, source.id, modseq, gone)
    folder_state.inherit(tx, made.id, source.id)


_FILE = Prepared(insert(filed))
_COPIED: dict[str, ColumnElement[Any]] = {
    "folder_id": bindparam("to_folder", type_=Count),
    "uid": filed.c.uid + bindparam("higher", type_=Count),
    "modseq": bindparam("new_modseq", type_=Count),
    "saved_at": bindparam("saved", type_=filed.c.saved_at.type),
    # A folder knows an arrival once; a copy was made by a person, not by the arrival.
    "arrival_id": null(),
}
_COPY = Prepared(
    insert(filed).from_select(
        [column.name for column in filed.c],
        select(*(_COPIED.get(column.name, column).label(column.name) for column in filed.c)).where(
            filed.c.folder_id == bindparam("of_folder"), filed.c.uid.between(bindparam("low"), bindparam("high"))
        ),
    )
)
