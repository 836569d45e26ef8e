"""How many clients of a project, and of each of its lists, have each rating; never counted anew (PRODUCT K5).

Whoever registers a client, puts one on a list or changes a rating appends moves in that same transaction; the clock
folds moves into tallies, and a reader sums both in one statement, so it is right at any moment. Rows are only appended:
counters that many transactions update would deadlock on PostgreSQL, or hold the settling of a campaign up. A client is
locked while its rating or its lists change, so neither misses the other. `differences` counts everything.
Crash case: a fold is one transaction; killed before its end, the moves are still there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, literal, select, text, union_all
from sqlalchemy.dialects import postgresql, sqlite

from store.schema import clients, memberships, rating_moves, rating_tallies

EVERYBODY: Final = 0  # in place of a list: all clients of the project
_FOLDED: Final = 5_000  # moves of one transaction
_SUM: Final = {
    name: made.on_conflict_do_update(
        index_elements=["project_id", "list_id", "rating"],
        set_={"clients": rating_tallies.c.clients + made.excluded.clients},
    )
    for name, made in (("sqlite", sqlite.insert(rating_tallies)), ("postgresql", postgresql.insert(rating_tallies)))
}


@dataclass(frozen=True, slots=True)
class Difference:
    """`missing` clients of that rating are not in the tally; negative: they are too many there. `list_id` 0: all."""

    project_id: int
    list_id: int
    rating: int
    missing: int


def of_list(connection: Connection, project: int, list_id: int = EVERYBODY) -> dict[int, int]:
    """Rating to clients, of a list or of the whole project."""
    kept, moved = rating_tallies.c, rating_moves.c
    both = union_all(
        select(kept.rating, kept.clients.label("n")).where(kept.project_id == project, kept.list_id == list_id),
        select(moved.rating, moved.change.label("n")).where(moved.project_id == project, moved.list_id == list_id),
    ).subquery()
    wanted = select(both.c.rating, func.sum(both.c.n)).group_by(both.c.rating)
    return {int(rating): int(count) for rating, count in connection.execute(wanted) if count}


def sizes(connection: Connection, project: int, lists: Sequence[int]) -> dict[int, int]:
    """How many clients each of these lists has; EVERYBODY is one too."""
    kept, moved = rating_tallies.c, rating_moves.c
    both = union_all(
        select(kept.list_id, kept.clients.label("n")).where(kept.project_id == project, kept.list_id.in_(lists)),
        select(moved.list_id, moved.change.label("n")).where(moved.project_id == project, moved.list_id.in_(lists)),
    ).subquery()
    found = connection.execute(select(both.c.list_id, func.sum(both.c.n)).group_by(both.c.list_id))
    return dict.fromkeys(lists, 0) | {int(one): int(count) for one, count in found}


def registered(tx: Connection, project: int, rating: int, count: int) -> None:
    if count:
        tx.execute(insert(rating_moves).values(project_id=project, list_id=EVERYBODY, rating=rating, change=count))


def joined(tx: Connection, list_id: int, ids: Sequence[int]) -> None:
    """Clients that the caller has locked are on the list now, and were not before."""
    grouped = (
        select(clients.c.project_id, literal(list_id), clients.c.rating, func.count())
        .where(clients.c.id.in_(ids))
        .group_by(clients.c.project_id, clients.c.rating)
    )
    _append(tx, grouped)


def changed(tx: Connection, client: int, before: int, after: int) -> None:
    """The rating of a client that is locked."""
    if before == after:
        return
    for rating, change in ((before, -1), (after, 1)):
        own = (clients.c.project_id, literal(rating), literal(change))
        mine = select(*own[:1], literal(EVERYBODY), *own[1:]).where(clients.c.id == client)
        on_lists = (
            select(*own[:1], memberships.c.list_id, *own[1:])
            .join(memberships, memberships.c.client_id == clients.c.id)
            .where(clients.c.id == client)
        )
        _append(tx, union_all(mine, on_lists))


def _append(tx: Connection, rows: Any) -> None:
    tx.execute(insert(rating_moves).from_select(["project_id", "list_id", "rating", "change"], rows))


def fold(tx: Connection) -> int:
    """The oldest moves into the tallies; how many there were. In key order, as any two writers must."""
    oldest = select(rating_moves.c.id).order_by(rating_moves.c.id).limit(_FOLDED)
    moved = rating_moves.c
    gone = delete(rating_moves).where(moved.id.in_(oldest.with_for_update(skip_locked=True)))
    rows = tx.execute(gone.returning(moved.project_id, moved.list_id, moved.rating, moved.change)).all()
    sums: Counter[tuple[int, int, int]] = Counter()
    for row in rows:
        sums[row.project_id, row.list_id, row.rating] += row.change
    values = [
        {"project_id": key[0], "list_id": key[1], "rating": key[2], "clients": count}
        for key, count in sorted(sums.items())
        if count
    ]
    if values:
        tx.execute(_SUM[tx.dialect.name], values)
    return len(rows)


def any_moves(connection: Connection) -> bool:
    return connection.execute(select(rating_moves.c.id).limit(1)).first() is not None


_DIFFERENCES: Final = text("""
    SELECT project_id, list_id, rating, SUM(n) AS missing FROM (
        SELECT project_id, 0 AS list_id, rating, COUNT(*) AS n FROM clients GROUP BY project_id, rating
        UNION ALL
        SELECT clients.project_id, memberships.list_id, clients.rating, COUNT(*) FROM memberships
        JOIN clients ON clients.id = memberships.client_id
        GROUP BY clients.project_id, memberships.list_id, clients.rating
        UNION ALL SELECT project_id, list_id, rating, -clients FROM rating_tallies
        UNION ALL SELECT project_id, list_id, rating, -change FROM rating_moves
    ) AS both_sides GROUP BY project_id, list_id, rating HAVING SUM(n) <> 0 ORDER BY project_id, list_id, rating
""")


def differences(connection: Connection) -> list[Difference]:
    """What the tallies say otherwise than the clients themselves: a bug, or rows that were changed past us. Slow."""
    return [Difference(*(int(value) for value in row)) for row in connection.execute(_DIFFERENCES)]


def mend(tx: Connection) -> list[Difference]:
    """What differed; as moves, so that what others change meanwhile counts too."""
    found = differences(tx)
    rows = [
        {"project_id": one.project_id, "list_id": one.list_id, "rating": one.rating, "change": one.missing}
        for one in found
    ]
    if rows:
        tx.execute(insert(rating_moves), rows)
    return found
