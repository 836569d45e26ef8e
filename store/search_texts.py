"""Folded text and sort keys are kept at filing: one row for each content, however often it is filed.

The caller owns the transaction (on `mail`). A row goes with its content. store/search_rows.py reads them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from mail.mime_index import Asked
from store.prepared import Prepared
from store.schema import search_texts


def keep(tx: Connection, asked: Mapping[int, Asked]) -> None:
    """By content. Idempotent: an arrival is filed for each of its mailboxes."""
    rows = [
        {
            "content_id": content_id,
            "keys": one.keys.to_bytes(),
            "preview": one.preview,
            "header": one.text.header,
            "inner": one.text.inner,
            "text": one.text.text,
        }
        for content_id, one in sorted(asked.items())
    ]
    _KEEP[tx.dialect.name].each(tx, rows)


_KEEP = {
    "sqlite": Prepared(sqlite.insert(search_texts).on_conflict_do_nothing()),
    "postgresql": Prepared(postgresql.insert(search_texts).on_conflict_do_nothing()),
}
