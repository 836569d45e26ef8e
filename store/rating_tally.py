"""Ratings that changed since somebody last looked, for the metrics; by the ids of the ledger of ratings.

Called by the clock. On PostgreSQL an id may be committed behind a higher one and is then missed: a figure, no account.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from sqlalchemy import Connection, func, select

from store.schema import rating_changes

MOST: Final = 20_000  # rows of one look


def newest(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(rating_changes.c.id), 0))).scalar_one())


def since(connection: Connection, behind: int) -> tuple[Counter[tuple[str, str]], int]:
    """How often (cause, "up" | "down" | "same") came, of ids beyond `behind`, and the last id that was looked at."""
    found: Counter[tuple[str, str]] = Counter()
    columns = (rating_changes.c.id, rating_changes.c.cause, rating_changes.c.before, rating_changes.c.after)
    wanted = select(*columns).where(rating_changes.c.id > behind).order_by(rating_changes.c.id).limit(MOST)
    for row in connection.execute(wanted):
        behind = row.id
        found[row.cause, _way(row.before, row.after)] += 1
    return found, behind


def _way(before: int, after: int) -> str:
    if before == after:
        return "same"
    return "up" if after > before else "down"
