"""Folded text and sort keys are kept at filing: one row for each content, however often it is filed.

The caller owns the transaction (on `mail`). A row goes with its content. store/search_rows.py reads them.
"""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from mail.mime_index import Asked
from store.schema import search_texts


def keep(tx: Connection, content_id: int, asked: Asked) -> None:
    """Idempotent: an arrival is filed for each of its mailboxes."""
    row = {
        "content_id": content_id,
        "keys": asked.keys.to_bytes(),
        "preview": asked.preview,
        "header": asked.text.header,
        "inner": asked.text.inner,
        "text": asked.text.text,
    }
    tx.execute(_KEEP[tx.dialect.name], row)


_KEEP = {
    "sqlite": sqlite.insert(search_texts).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(search_texts).on_conflict_do_nothing(),
}
