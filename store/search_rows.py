"""What SEARCH, SORT and THREAD read of a folder's mails beside their rows in `filed`.

The caller owns the transaction (on `mail`). Rows come as they are read, since a `text` has up to 256 kB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select, type_coerce

from store import mail_scan
from store.columns import Id
from store.schema import filed, search_texts

_TOGETHER: Final = 50  # rows in memory at once


def scan(tx: Connection, folder_id: int, uids: Sequence[int], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of (uid, *columns) of those of `uids` that are there, by UID; at most mail_scan.BATCH `uids`, ascending."""
    assert len(uids) <= mail_scan.BATCH
    for start in range(0, len(uids), _TOGETHER):
        yield from mail_scan.scan(tx, folder_id, uids[start : start + _TOGETHER], columns)


def keys_of(tx: Connection, folder_id: int, uids: Sequence[int]) -> list[tuple[int, int, int, bytes]]:
    """UID, INTERNALDATE in microseconds, size and sort keys of those of `uids` that are there, by UID."""
    arrived = type_coerce(filed.c.internaldate, Id)
    wanted: list[ColumnElement[Any]] = [filed.c.uid, arrived, filed.c.size_bytes, search_texts.c["keys"]]
    query = select(*wanted).join(search_texts, search_texts.c.content_id == filed.c.content_id)
    rows = tx.execute(query.where(mail_scan.among(folder_id, uids)).order_by(filed.c.uid))
    return [(row[0], row[1], row[2], row[3]) for row in rows]
