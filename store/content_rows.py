"""The bytes of filed mails and of arrivals as rows: put, read, and dropped with the last row that names them.

The caller owns the transaction (on `mail`). A large content is a spool file: `drop_unnamed` names it, the caller drops
it after the commit. Crash case: a file without a row stays (store/spool_sweep.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, exists, insert, select

from store.prepared import Prepared
from store.schema import arrivals, contents, filed
from store.spool import Stored


def put_contents(tx: Connection, kept: Sequence[Stored]) -> list[int]:
    """The ids of content rows for bytes that `Spool.put` has taken, in their order."""
    made = (_PUT_CONTENT.row(tx, of_size=one.size_bytes, of_bytes=one.blob, of_file=one.file) for one in kept)
    return [int(row[0]) for row in made if row is not None]


def size_of(tx: Connection, content_id: int) -> int:
    return int(tx.execute(select(contents.c.size_bytes).where(contents.c.id == content_id)).scalar_one())


def drop_unnamed(tx: Connection, content_ids: Iterable[int]) -> tuple[str, ...]:
    """Remove the contents among these that neither a filed mail nor an arrival names; their spool files."""
    gone = (_DROP_UNNAMED.row(tx, of_content=content_id) for content_id in sorted(set(content_ids)))
    return tuple(row[0] for row in gone if row is not None and row[0] is not None)


def bytes_of(tx: Connection, content_ids: Sequence[int]) -> dict[int, tuple[bytes | None, str | None]]:
    """What `Spool.get` wants of each content that is still there."""
    if len(content_ids) == 1:
        return {row[0]: row[1:] for row in _CONTENT.rows(tx, of_content=content_ids[0])}
    query = select(*_CONTENT_COLUMNS).where(contents.c.id.in_(content_ids))
    return {row.id: (row.bytes, row.file) for row in tx.execute(query)}


def bytes_of_mail(tx: Connection, folder_id: int, uid: int) -> tuple[bytes | None, str | None] | None:
    """What `Spool.get` wants of one mail; None where it is gone."""
    query = select(contents.c.bytes, contents.c.file).join(filed, filed.c.content_id == contents.c.id)
    row = tx.execute(query.where(filed.c.folder_id == folder_id, filed.c.uid == uid)).one_or_none()
    return None if row is None else (row.bytes, row.file)


_PUT_CONTENT = Prepared(
    insert(contents)
    .values(size_bytes=bindparam("of_size"), bytes=bindparam("of_bytes"), file=bindparam("of_file"))
    .returning(contents.c.id)
)
_CONTENT_COLUMNS = (contents.c.id, contents.c.bytes, contents.c.file)
_CONTENT = Prepared(select(*_CONTENT_COLUMNS).where(contents.c.id == bindparam("of_content")))
_DROP_UNNAMED = Prepared(
    delete(contents)
    .where(
        contents.c.id == bindparam("of_content"),
        ~exists().where(filed.c.content_id == contents.c.id),
        ~exists().where(arrivals.c.content_id == contents.c.id),
    )
    .returning(contents.c.file)
)
