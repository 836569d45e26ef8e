"""How far mailboxes of other servers were brought here, folder by folder, so that a second run takes only what is new.

The caller owns the transaction (on `mail`): the mails of a batch and how far they reach are saved in the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from store.schema import migrated_folders


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of another server: `source` names server and account, `name` is the folder's there."""

    mailbox_id: int
    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Reached:
    """The last UID that was brought or refused, and how many were refused."""

    last_uid: int
    refused: int


def reached(tx: Connection, place: Place, uidvalidity: int) -> Reached | None:
    """None where nothing was brought under that UIDVALIDITY."""
    mine = (migrated_folders.c[name] == getattr(place, name) for name in Place.__slots__)
    row = tx.execute(select(migrated_folders).where(*mine)).one_or_none()
    return None if row is None or row.uidvalidity != uidvalidity else Reached(row.last_uid, row.refused)


def save(tx: Connection, place: Place, uidvalidity: int, far: Reached) -> None:
    make = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    key = {name: getattr(place, name) for name in Place.__slots__}
    values = {"uidvalidity": uidvalidity, "last_uid": far.last_uid, "refused": far.refused}
    tx.execute(make(migrated_folders).values(key | values).on_conflict_do_update(index_elements=list(key), set_=values))
