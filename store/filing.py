"""Mails in folders: filing, flags, copying, moving, expunging, and the scans that FETCH and SEARCH read.

The caller owns the transaction (on `mail`); writes go through `stores.mail.journal`. Each write locks the folder's
row first (`folders.touch`) and takes UIDs and the MODSEQ in the same transaction as the rows, so neither is ever
given twice, whatever dies. FolderGoneError where the folder was deleted meanwhile.
A folder's row also counts its mails and their octets (store/quota.py).
Filing is idempotent by (folder, arrival). A content goes with the last row that names it; its spool file is named in
the answer and dropped by the caller after the commit. Crash case: a file without a row stays (store/spool_sweep.py).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, exists, func, insert, null, select, update
from sqlalchemy.sql.elements import ColumnElement

from mail.mime_index import Indexed
from store import folders, search_texts
from store.columns import Count
from store.prepared import Prepared
from store.schema import arrivals, contents, expunged, filed
from store.schema import folders as folders_table
from store.schema import search_texts as kept_texts
from store.spool import Stored

BATCH: Final = 1000  # rows of a read transaction at most
REMEMBERED: Final = 10_000  # expunged UIDs of a folder
DELETED: Final = "\\Deleted"
SEEN: Final = "\\Seen"
FLAGS_TOGETHER: Final = 2000  # characters of the flags of one mail: they are in an index
SYSTEM_FLAGS: Final = ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen")
_LARGEST: Final = 1 << 32  # above every UID
_SPARSE: Final = 4  # UIDs of a range for each that is wanted, above which they are asked for one by one
_SYSTEM = {flag.lower(): flag for flag in SYSTEM_FLAGS}


class FolderGoneError(Exception):
    """The folder was deleted."""


class TooManyFlagsError(Exception):
    """More flags on one mail than are kept."""


class Change(Enum):
    """What STORE does to the flags of a mail (RFC 3501 §6.4.6)."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


@dataclass(frozen=True, slots=True)
class Flagged:
    """The flags of a mail after a change, sorted and separated by one space."""

    uid: int
    modseq: int
    flags: str


@dataclass(frozen=True, slots=True)
class Flagging:
    """`changed`: those whose flags are now others; `before`: their MODSEQs until then; `refused`: UIDs.

    `same`: those that had these flags already.
    """

    changed: tuple[Flagged, ...]
    refused: tuple[int, ...]
    before: tuple[int, ...] = ()
    same: tuple[Flagged, ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """Of a folder: all UIDs ascending, the keywords in use, the lowest UID without \\Seen."""

    uids: array[int]
    keywords: frozenset[str]
    first_unseen: int | None


@dataclass(frozen=True, slots=True)
class Expunged:
    """`files`: spool files that no row names any more, to be dropped after the commit."""

    uids: tuple[int, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail that is to be filed: its content row, and the arrival that it came as, if it did."""

    content_id: int
    size_bytes: int
    internaldate: datetime
    arrival_id: int | None
    index: Indexed


def joined(flags: Iterable[str]) -> str:
    """Flags as a row keeps them: each once whatever its case, system flags in their own spelling.

    TooManyFlagsError where they are too long together.
    """
    spelled: dict[str, str] = {}
    for flag in flags:
        spelled.setdefault(flag.lower(), _SYSTEM.get(flag.lower(), flag))
    kept = " ".join(sorted(spelled.values()))
    if len(kept) > FLAGS_TOGETHER:
        raise TooManyFlagsError(f"the flags of a mail have at most {FLAGS_TOGETHER} characters together")
    return kept


def put_contents(tx: Connection, kept: Sequence[Stored]) -> list[int]:
    """The ids of content rows for bytes that `Spool.put` has taken, in their order."""
    made = (_PUT_CONTENT.row(tx, of_size=one.size_bytes, of_bytes=one.blob, of_file=one.file) for one in kept)
    return [int(row[0]) for row in made if row is not None]


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
    first, modseq = _touched(tx, folder_id, len(mails), sum(mail.size_bytes for mail in mails))
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
        return put_contents(tx, [content])[0], content.size_bytes
    return content, int(tx.execute(select(contents.c.size_bytes).where(contents.c.id == content)).scalar_one())


def store_flags(
    tx: Connection,
    folder_id: int,
    uids: Sequence[int],
    change: Change,
    flags: Iterable[str],
    unchanged_since: int | None = None,
) -> Flagging:
    """At most BATCH `uids` a call. Unknown UIDs are passed over; MODSEQ rises only where flags are others now.

    `unchanged_since`: a mail of a higher MODSEQ keeps its flags (RFC 7162 §3.1.3).
    """
    _locked(tx, folder_id)
    wanted = list(flags)
    changed: dict[int, str] = {}
    before_it: list[int] = []
    refused: list[int] = []
    same: list[Flagged] = []
    for uid, modseq, before in scan(tx, folder_id, uids, ("modseq", "flags")):
        after = joined(_changed(before.split(), change, wanted))
        if unchanged_since is not None and modseq > unchanged_since:
            refused.append(uid)
        elif after != before:
            changed[uid] = after
            before_it.append(modseq)
        else:
            same.append(Flagged(uid, modseq, before))
    if not changed:
        return Flagging((), tuple(refused), (), tuple(same))
    _, modseq = _touched(tx, folder_id)
    row = {"of_folder": folder_id, "new_modseq": modseq}
    _SET_FLAGS.each(tx, [{**row, "of_uid": uid, "new_flags": after} for uid, after in changed.items()])
    mails = tuple(Flagged(uid, modseq, after) for uid, after in changed.items())
    return Flagging(mails, tuple(refused), tuple(before_it), tuple(same))


def expunge(tx: Connection, folder_id: int, uids: Sequence[int]) -> Expunged:
    """Remove those of `uids` (ascending, at most BATCH) that are flagged \\Deleted."""
    _locked(tx, folder_id)
    doomed = [uid for uid, flags in scan(tx, folder_id, uids, ("flags",)) if DELETED in flags.split()]
    if not doomed:
        return Expunged((), ())
    return Expunged(tuple(doomed), _logged_removal(tx, folder_id, doomed))


def remove(tx: Connection, folder_id: int, uids: Sequence[int]) -> Expunged:
    """Remove those of `uids` (ascending, at most BATCH) that are there, whatever their flags."""
    _locked(tx, folder_id)
    doomed = sorted(uid for uid, _ in _existing(tx, folder_id, uids))
    if not doomed:
        return Expunged((), ())
    return Expunged(tuple(doomed), _logged_removal(tx, folder_id, doomed))


def copy(tx: Connection, source_id: int, uids: Sequence[int], target_id: int, now: datetime) -> list[tuple[int, int]]:
    """(UID, UID of its copy) of each that is there, in order. The copies share content, flags and date."""
    sizes = dict(_existing(tx, source_id, uids))
    here = sorted(sizes)
    if not here:
        return []
    first, modseq = _touched(tx, target_id, len(here), sum(sizes.values()))
    pairs = [(uid, first + step) for step, uid in enumerate(here)]
    taken = first
    for low, high in _runs(here):
        _COPY.run(
            tx, of_folder=source_id, low=low, high=high, to_folder=target_id, higher=taken - low, new_modseq=modseq,
            saved=now,
        )  # fmt: skip
        taken += high - low + 1
    return pairs


def move(tx: Connection, source_id: int, uids: Sequence[int], target_id: int, now: datetime) -> list[tuple[int, int]]:
    """As `copy`, and they leave the source in the same transaction (RFC 6851)."""
    lock_folders(tx, source_id, target_id)
    pairs = copy(tx, source_id, uids, target_id, now)
    if pairs:
        _logged_removal(tx, source_id, [uid for uid, _ in pairs])
    return pairs


def lock_folders(tx: Connection, *folder_ids: int) -> None:
    """For a write to several, in one order, so that two such writes never wait for each other. FolderGoneError."""
    for folder_id in sorted(set(folder_ids)):
        _locked(tx, folder_id)


def delete_folder(tx: Connection, folder_id: int) -> Expunged:
    """Remove a folder with its mails; its inferiors stay (RFC 3501 §6.3.4)."""
    folders.lock_names(tx, folder_id)
    _touched(tx, folder_id)
    uids = list(uids_of(tx, folder_id))
    files = _remove(tx, folder_id, uids)
    tx.execute(delete(expunged).where(expunged.c.folder_id == folder_id))
    folders.remove(tx, folder_id)
    return Expunged(tuple(uids), files)


def clear(tx: Connection, folder_id: int, most: int) -> Expunged:
    """Remove `most` of its mails, the first; nobody is to hear of it, since the folder goes too."""
    _touched(tx, folder_id)
    first = select(filed.c.uid).where(filed.c.folder_id == folder_id).order_by(filed.c.uid).limit(most)
    uids = tuple(tx.execute(first).scalars())
    return Expunged(uids, _remove(tx, folder_id, uids))


def empty_into(tx: Connection, source: folders.Folder, name: str, now: datetime) -> None:
    """All mails go to a new folder of that name with their UIDs: RENAME of INBOX (RFC 3501 §6.3.5)."""
    made = folders.create(tx, source.mailbox_id, name, now)
    _, modseq = _touched(tx, source.id)
    gone = tx.execute(select(filed.c.uid).where(filed.c.folder_id == source.id)).scalars().all()
    tx.execute(update(filed).where(filed.c.folder_id == source.id).values(folder_id=made.id))
    _log(tx, source.id, modseq, gone)
    folders.inherit(tx, made.id, source.id)


def drop_unnamed(tx: Connection, content_ids: Iterable[int]) -> tuple[str, ...]:
    """Remove the contents among these that neither a filed mail nor an arrival names; their spool files."""
    gone = (_DROP_UNNAMED.row(tx, of_content=content_id) for content_id in sorted(set(content_ids)))
    return tuple(row[0] for row in gone if row is not None and row[0] is not None)


# --- reading ------------------------------------------------------------------------------------------------


def size_of(tx: Connection, folder_id: int, uids: Sequence[int]) -> int:
    """What these mails add up to."""
    sums = (select(func.sum(filed.c.size_bytes)).where(among(folder_id, chunk)) for chunk in _chunks(uids))
    return sum(int(tx.execute(query).scalar() or 0) for query in sums)


def uids_of(tx: Connection, folder_id: int) -> array[int]:
    """All UIDs, ascending, four octets each."""
    return overview(tx, folder_id).uids


def overview(tx: Connection, folder_id: int) -> Overview:
    """All mails of a folder, from an index that has their flags."""
    query = select(filed.c.uid, filed.c.flags).where(filed.c.folder_id == folder_id)
    uids, in_use, unseen = array("I"), set[str](), 0
    for rows in tx.execute(query).partitions(10_000):
        uids.extend([row[0] for row in rows])
        in_use.update([row[1] for row in rows])
        unseen = min([unseen or _LARGEST, *[row[0] for row in rows if SEEN not in row[1]]]) % _LARGEST
    return Overview(array("I", sorted(uids)), keywords(in_use), unseen or None)


def keywords(flags: Iterable[str]) -> frozenset[str]:
    """Those among flags as rows keep them."""
    return frozenset(flag for each in flags for flag in each.split()).difference(SYSTEM_FLAGS)


def first_unseen(tx: Connection, folder_id: int, above: int) -> int | None:
    """The lowest UID above that one without \\Seen."""
    row = _FIRST_UNSEEN.row(tx, of_folder=folder_id, above=above)
    return None if row is None else int(row[0])


def deleted(tx: Connection, folder_id: int) -> list[int]:
    """The UIDs flagged \\Deleted, ascending."""
    return sorted(uid for (uid,) in _DELETED.rows(tx, of_folder=folder_id))


def flags_since(tx: Connection, folder_id: int, modseq: int) -> list[Flagged]:
    """Those of a higher MODSEQ, by UID."""
    rows = _FLAGS_SINCE.rows(tx, of_folder=folder_id, since=modseq)
    # Sorted here: to have them in order SQLite would read the whole folder by its primary key.
    return sorted((Flagged(*row) for row in rows), key=lambda mail: mail.uid)


def are_there(tx: Connection, folder_id: int, uids: Sequence[int]) -> bool:
    """Whether all of them are."""
    return sum(1 for _ in _existing(tx, folder_id, uids)) == len(uids)


def expunged_since(tx: Connection, folder_id: int, modseq: int) -> list[int] | None:
    """The UIDs that went after `modseq`, ascending; None where not all of that is remembered."""
    forgotten = _FORGOTTEN.row(tx, of_folder=folder_id)
    if forgotten is None or modseq < forgotten[0]:
        return None
    return [uid for (uid,) in _EXPUNGED_SINCE.rows(tx, of_folder=folder_id, since=modseq)]


def scan(tx: Connection, folder_id: int, uids: Sequence[int], columns: Sequence[str]) -> Sequence[tuple[Any, ...]]:
    """Rows of (uid, *columns) of those of `uids` that are there, by UID; at most BATCH `uids`, ascending.

    Columns are those of `filed` and of `search_texts`.
    """
    assert len(uids) <= BATCH
    if not uids:
        return ()
    if uids[-1] - uids[0] > _SPARSE * len(uids):
        return [tuple(row) for row in tx.execute(_scanned(columns).where(among(folder_id, uids)))]
    rows = _range(tuple(columns)).rows(tx, of_folder=folder_id, low=uids[0], high=uids[-1])
    if len(rows) <= len(uids) and uids[-1] - uids[0] == len(uids) - 1:
        return rows
    wanted = frozenset(uids)
    return [row for row in rows if row[0] in wanted]


def bytes_of(tx: Connection, content_ids: Sequence[int]) -> dict[int, tuple[bytes | None, str | None]]:
    """What `Spool.get` wants of each content that is still there."""
    if len(content_ids) == 1:
        return {row[0]: row[1:] for row in _CONTENT.rows(tx, of_content=content_ids[0])}
    query = select(*_CONTENT_COLUMNS).where(contents.c.id.in_(content_ids))
    return {row.id: (row.bytes, row.file) for row in tx.execute(query)}


def bytes_of_mail(tx: Connection, folder_id: int, uid: int) -> tuple[bytes | None, str | None] | None:
    """What `Spool.get` wants of one mail; None where it is gone."""
    query = select(contents.c.bytes, contents.c.file).join(filed, filed.c.content_id == contents.c.id)
    row = tx.execute(query.where(among(folder_id, [uid]))).one_or_none()
    return None if row is None else (row.bytes, row.file)


@cache
def _range(columns: tuple[str, ...]) -> Prepared:
    here = (filed.c.folder_id == bindparam("of_folder"), filed.c.uid.between(bindparam("low"), bindparam("high")))
    return Prepared(_scanned(columns).where(*here))


def _scanned(columns: Sequence[str]) -> Select[Any]:
    wanted = [filed.c[name] if name in filed.c else kept_texts.c[name] for name in columns]
    query = select(filed.c.uid, *wanted).order_by(filed.c.uid)
    if all(name in filed.c for name in columns):
        return query
    return query.join(kept_texts, kept_texts.c.content_id == filed.c.content_id)


def among(folder_id: int, uids: Sequence[int] | None) -> ColumnElement[bool]:
    """Rows of a folder; of `uids` by their range where that has no holes, else one by one."""
    here: ColumnElement[bool] = filed.c.folder_id == folder_id
    if uids is None:
        return here
    if uids and uids[-1] - uids[0] == len(uids) - 1:
        return here & filed.c.uid.between(uids[0], uids[-1])
    return here & filed.c.uid.in_(list(uids))


def _chunks(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


def _runs(uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Of ascending UIDs the first and last of each run without a hole."""
    start = 0
    for place in range(1, len(uids) + 1):
        if place == len(uids) or uids[place] != uids[place - 1] + 1:
            yield uids[start], uids[place - 1]
            start = place


def _existing(tx: Connection, folder_id: int, uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """UID and size of each that is there."""
    for chunk in _chunks(uids):
        yield from ((uid, size_bytes) for uid, size_bytes in scan(tx, folder_id, chunk, ("size_bytes",)))


def _filed_before(tx: Connection, folder_id: int, arrival_id: int) -> int | None:
    wanted = (filed.c.folder_id == folder_id) & (filed.c.arrival_id == arrival_id)
    return tx.execute(select(filed.c.uid).where(wanted)).scalar()


def _locked(tx: Connection, folder_id: int) -> None:
    """Nobody else writes to the folder until the transaction ends. FolderGoneError."""
    if not folders.lock(tx, folder_id):
        raise FolderGoneError(f"folder {folder_id}")


def _touched(tx: Connection, folder_id: int, uids: int = 0, octets: int = 0) -> tuple[int, int]:
    taken = folders.touch(tx, folder_id, uids, octets)
    if taken is None:
        raise FolderGoneError(f"folder {folder_id}")
    return taken


def _logged_removal(tx: Connection, folder_id: int, uids: Sequence[int]) -> tuple[str, ...]:
    _, modseq = _touched(tx, folder_id)
    files = _remove(tx, folder_id, uids)
    _log(tx, folder_id, modseq, uids)
    return files


def _log(tx: Connection, folder_id: int, modseq: int, uids: Sequence[int]) -> None:
    """Keep which UIDs went, for QRESYNC: the newest REMEMBERED; `folders.forgotten` says where memory begins."""
    _EXPUNGED.each(tx, [{"folder_id": folder_id, "modseq": modseq, "uid": uid} for uid in uids])
    horizon = _HORIZON.row(tx, of_folder=folder_id, remembered=REMEMBERED)
    if horizon is not None:
        mine = expunged.c.folder_id == folder_id
        tx.execute(delete(expunged).where(mine, expunged.c.modseq <= horizon[0]))
        folders.forget(tx, folder_id, horizon[0])


def _remove(tx: Connection, folder_id: int, uids: Sequence[int]) -> tuple[str, ...]:
    named, octets = list[int](), 0
    for low, high in _runs(uids):
        for content_id, size_bytes in _REMOVE.rows(tx, of_folder=folder_id, low=low, high=high):
            named.append(content_id)
            octets += size_bytes
    folders.shrink(tx, folder_id, len(named), octets)
    return drop_unnamed(tx, named)


def _changed(before: list[str], change: Change, flags: list[str]) -> list[str]:
    if change is Change.REPLACE:
        return flags
    if change is Change.ADD:
        return before + flags
    without = {flag.lower() for flag in flags}
    return [flag for flag in before if flag.lower() not in without]


# Statements that are made once: to build one costs more than to run it.
_OF_FOLDER = filed.c.folder_id == bindparam("of_folder")
_FLAGS_SINCE = Prepared(
    select(filed.c.uid, filed.c.modseq, filed.c.flags).where(_OF_FOLDER, filed.c.modseq > bindparam("since"))
)
_FORGOTTEN = Prepared(select(folders_table.c.forgotten).where(folders_table.c.id == bindparam("of_folder")))
_DELETED = Prepared(select(filed.c.uid).where(_OF_FOLDER, filed.c.flags.like("%\\Deleted%", escape="|")))
_FIRST_UNSEEN = Prepared(
    select(filed.c.uid)
    .where(_OF_FOLDER, filed.c.uid > bindparam("above"), ~filed.c.flags.like("%\\Seen%", escape="|"))
    .order_by(filed.c.uid)
    .limit(1)
)
_CONTENT_COLUMNS = (contents.c.id, contents.c.bytes, contents.c.file)
_CONTENT = Prepared(select(*_CONTENT_COLUMNS).where(contents.c.id == bindparam("of_content")))
_EXPUNGED_OF = expunged.c.folder_id == bindparam("of_folder")
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
_PUT_CONTENT = Prepared(
    insert(contents)
    .values(size_bytes=bindparam("of_size"), bytes=bindparam("of_bytes"), file=bindparam("of_file"))
    .returning(contents.c.id)
)
_FILE = Prepared(insert(filed))
_SET_FLAGS = Prepared(
    update(filed)
    .where(_OF_FOLDER, filed.c.uid == bindparam("of_uid"))
    .values(flags=bindparam("new_flags"), modseq=bindparam("new_modseq"))
)
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
            _OF_FOLDER, filed.c.uid.between(bindparam("low"), bindparam("high"))
        ),
    )
)
_REMOVE = Prepared(
    delete(filed)
    .where(_OF_FOLDER, filed.c.uid.between(bindparam("low"), bindparam("high")))
    .returning(filed.c.content_id, filed.c.size_bytes)
)
_DROP_UNNAMED = Prepared(
    delete(contents)
    .where(
        contents.c.id == bindparam("of_content"),
        ~exists().where(filed.c.content_id == contents.c.id),
        ~exists().where(arrivals.c.content_id == contents.c.id),
    )
    .returning(contents.c.file)
)
