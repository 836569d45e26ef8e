"""What hosts' answers made us hold back, saved so that a restart keeps it and `explain` can tell.

mta/outbound/pacing.py lives from its own memory; this is its copy, one row for each (site, source, action).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, text

from policy.shaping import Reaction
from store.columns import to_microseconds
from store.schema import reactions

_SAVE = text(
    "INSERT INTO reactions (site, source, action, value, until, lasts_seconds, origin) "
    "VALUES (:site, :source, :action, :value, :until, :lasts, :origin) ON CONFLICT (site, source, action) "
    "DO UPDATE SET value = excluded.value, until = excluded.until, lasts_seconds = excluded.lasts_seconds, "
    "origin = excluded.origin"
)


def save(tx: Connection, made: Iterable[Reaction], now: datetime) -> None:
    """Put these in the place of what the same sources held back in the same way; forget what is over."""
    tx.execute(delete(reactions).where(reactions.c.until <= now))
    rows = [
        {
            "site": one.site, "source": one.source, "action": one.action.value,
            "value": max(1, round(one.value)) if one.value else 0,
            "until": to_microseconds(one.until), "lasts": round(one.lasts.total_seconds()), "origin": one.origin,
        }
        for one in sorted(made, key=lambda one: (one.site, one.source, one.action.value))
    ]  # fmt: skip
    if rows:
        tx.execute(_SAVE, rows)


def holding(connection: Connection, now: datetime) -> list[Reaction]:
    """Those that are not over."""
    found = connection.execute(select(reactions).where(reactions.c.until > now).order_by(reactions.c.until))
    return [
        Reaction(
            row.site, row.source, row.action, row.value, row.until, timedelta(seconds=row.lasts_seconds), row.origin
        )
        for row in found
    ]
