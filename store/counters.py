"""Statistics as incremental counters, written in the transaction of what they count; never COUNT(*) over history.

Updated in key order: in random order two writers on PostgreSQL deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, text

from store.prepared import Prepared
from store.schema import counters

Key = tuple[str, int, str]  # scope ("campaign"), its id, name ("state.delivered")

_ADD = Prepared(
    text(
        "INSERT INTO counters (scope, scope_id, name, value) VALUES (:scope, :scope_id, :name, :change) "
        "ON CONFLICT (scope, scope_id, name) DO UPDATE SET value = counters.value + excluded.value"
    )
)


def add(tx: Connection, changes: Mapping[Key, int]) -> None:
    """Add each change to its counter, which starts at 0."""
    rows = [
        {"scope": scope, "scope_id": scope_id, "name": name, "change": change}
        for (scope, scope_id, name), change in sorted(changes.items())
        if change
    ]
    if rows:
        _ADD.each(tx, rows)


def of(connection: Connection, scope: str, scope_id: int) -> dict[str, int]:
    """All counters of one scope by name."""
    found = select(counters.c.name, counters.c.value).where(counters.c.scope == scope, counters.c.scope_id == scope_id)
    return {row.name: row.value for row in connection.execute(found)}
