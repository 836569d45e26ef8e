"""The scans of a folder that FETCH and SEARCH read: by UID, by flag, all of it.

The caller owns the transaction (on `mail`) and reads at most BATCH rows in one.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement

from store.mail_flags import SEEN, keywords
from store.prepared import Prepared
from store.schema import filed
from store.schema import search_texts as kept_texts

BATCH: Final = 1000  # rows of a read transaction at most
_LARGEST: Final = 1 << 32  # above every UID
_SPARSE: Final = 4  # UIDs of a range for each that is wanted, above which they are asked for one by one


@dataclass(frozen=True, slots=True)
class Overview:
    """Of a folder: all UIDs ascending, the keywords in use, the lowest UID without \\Seen."""

    uids: array[int]
    keywords: frozenset[str]
    first_unseen: int | None


def overview(tx: Connection, folder_id: int) -> Overview:
    """All mails of a folder, from an index that has their flags."""
    query = select(filed.c.uid, filed.c.flags).where(filed.c.folder_id == folder_id)
    uids, in_use, unseen = array("I"), set[str](), 0
    for rows in tx.execute(query).partitions(10_000):
        uids.extend([row[0] for row in rows])
        in_use.update([row[1] for row in rows])
        unseen = min([unseen or _LARGEST, *[row[0] for row in rows if SEEN not in row[1]]]) % _LARGEST
    return Overview(array("I", sorted(uids)), keywords(in_use), unseen or None)


def uids_of(tx: Connection, folder_id: int) -> array[int]:
    """All UIDs, ascending, four octets each."""
    return overview(tx, folder_id).uids


def first_unseen(tx: Connection, folder_id: int, above: int) -> int | None:
    """The lowest UID above that one without \\Seen."""
    row = _FIRST_UNSEEN.row(tx, of_folder=folder_id, above=above)
    return None if row is None else int(row[0])


def deleted(tx: Connection, folder_id: int) -> list[int]:
    """The UIDs flagged \\Deleted, ascending."""
    return sorted(uid for (uid,) in _DELETED.rows(tx, of_folder=folder_id))


def size_of(tx: Connection, folder_id: int, uids: Sequence[int]) -> int:
    """What these mails add up to."""
    sums = (select(func.sum(filed.c.size_bytes)).where(among(folder_id, chunk)) for chunk in _chunks(uids))
    return sum(int(tx.execute(query).scalar() or 0) for query in sums)


def are_there(tx: Connection, folder_id: int, uids: Sequence[int]) -> bool:
    """Whether all of them are."""
    return sum(1 for _ in existing(tx, folder_id, uids)) == len(uids)


def existing(tx: Connection, folder_id: int, uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """UID and size of each that is there."""
    for chunk in _chunks(uids):
        yield from ((uid, size_bytes) for uid, size_bytes in scan(tx, folder_id, chunk, ("size_bytes",)))


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


def among(folder_id: int, uids: Sequence[int] | None) -> ColumnElement[bool]:
    """Rows of a folder; of `uids` by their range where that has no holes, else one by one."""
    here: ColumnElement[bool] = filed.c.folder_id == folder_id
    if uids is None:
        return here
    if uids and uids[-1] - uids[0] == len(uids) - 1:
        return here & filed.c.uid.between(uids[0], uids[-1])
    return here & filed.c.uid.in_(list(uids))


def runs(uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Of ascending UIDs the first and last of each run without a hole."""
    start = 0
    for place in range(1, len(uids) + 1):
        if place == len(uids) or uids[place] != uids[place - 1] + 1:
            yield uids[start], uids[place - 1]
            start = place


def _chunks(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


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


_OF_FOLDER = filed.c.folder_id == bindparam("of_folder")
_DELETED = Prepared(select(filed.c.uid).where(_OF_FOLDER, filed.c.flags.like("%\\Deleted%", escape="|")))
_FIRST_UNSEEN = Prepared(
    select(filed.c.uid)
    .where(_OF_FOLDER, filed.c.uid > bindparam("above"), ~filed.c.flags.like("%\\Seen%", escape="|"))
    .order_by(filed.c.uid)
    .limit(1)
)
