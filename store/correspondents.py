"""Addresses and domains that a mailbox allows, denies or refuses: its rows in `correspondents`, on `core`.

The caller owns the transaction. An entry is as policy/correspondents.entry_of writes it, once in a list.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from policy.correspondents import Kept, Standing, Writers, entries, is_junk
from store.schema import correspondents

_FOR: Final = select(correspondents.c.mailbox_id, correspondents.c.entry, correspondents.c.standing).where(
    correspondents.c.mailbox_id.in_(bindparam("mailboxes", expanding=True)),
    correspondents.c.entry.in_(bindparam("entries", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class Correspondent:
    id: int
    entry: str
    standing: Standing


def put(tx: Connection, mailbox_id: int, entry: str, standing: Standing, now: datetime) -> None:
    """Whatever it was before, it is this now."""
    mine = _mine(mailbox_id, entry)
    if tx.execute(update(correspondents).where(mine).values(standing=standing.value)).rowcount:
        return
    row = {"mailbox_id": mailbox_id, "entry": entry, "standing": standing.value, "created_at": now}
    tx.execute(insert(correspondents).values(row))


def remove(tx: Connection, mailbox_id: int, entry: str) -> bool:
    """Whether it was there."""
    return tx.execute(delete(correspondents).where(_mine(mailbox_id, entry))).rowcount == 1


def count(tx: Connection, mailbox_id: int) -> int:
    of_it = select(func.count()).where(correspondents.c.mailbox_id == mailbox_id)
    return int(tx.execute(of_it).scalar_one())


def page(tx: Connection, mailbox_id: int, after: int, limit: int) -> list[Correspondent]:
    """Those with an id above `after`, oldest first."""
    wanted = (correspondents.c.mailbox_id == mailbox_id) & (correspondents.c.id > after)
    rows = tx.execute(select(correspondents).where(wanted).order_by(correspondents.c.id).limit(limit))
    return [Correspondent(row.id, row.entry, Standing(row.standing)) for row in rows]


def kept_for(tx: Connection, mailboxes: Collection[int], names: Collection[str]) -> dict[int, Kept]:
    """What each of these mailboxes says of these names; who says nothing is left out."""
    if not (mailboxes and names):
        return {}
    found: dict[int, dict[str, Standing]] = {}
    for row in tx.execute(_FOR, {"mailboxes": sorted(mailboxes), "entries": sorted(names)}):
        found.setdefault(row.mailbox_id, {})[row.entry] = Standing(row.standing)
    return dict(found)


def junk_boxes(tx: Connection, mails: Sequence[tuple[Writers, bool, Sequence[int]]]) -> list[frozenset[int]]:
    """For each mail (who it is from, whether it is junk to others, the mailboxes it is for): to which it is junk."""
    named = {
        entry for writers, _, _ in mails for text in (writers.author, writers.reverse_path) for entry in entries(text)
    }
    kept = kept_for(tx, {box for _, _, boxes in mails for box in boxes}, named)
    return [
        frozenset(box for box in boxes if is_junk(kept.get(box, {}), writers, junk)) for writers, junk, boxes in mails
    ]


def _mine(mailbox_id: int, entry: str) -> ColumnElement[bool]:
    return (correspondents.c.mailbox_id == mailbox_id) & (correspondents.c.entry == entry)
