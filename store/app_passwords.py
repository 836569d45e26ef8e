"""App passwords: one for each program or device of a mailbox, made by us, each revocable by itself.

A password has 160 bits; kept are its keyed SHA-256 and its SCRAM keys. All SCRAM keys of an address have one salt
(`Vault.scram_salt`), since a client does not tell which of the passwords it uses. The caller owns the transaction: on
`core`, but for `used` and `uses`, which are on `mail`, the file that the IMAP role writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from mail import scram
from mail.scram import ScramKeys
from store.prepared import Prepared
from store.schema import app_password_uses, app_passwords
from store.secrets import Vault

MOST: Final = 50  # of a mailbox
_USE_EVERY: Final = timedelta(hours=1)  # a use is written down at most so often


@dataclass(frozen=True, slots=True)
class AppPassword:
    id: int
    mailbox_id: int
    name: str
    secret_hash: bytes
    scram: ScramKeys
    created_at: datetime


def create(tx: Connection, vault: Vault, mailbox_id: int, key: str, name: str, secret: str, now: datetime) -> int:
    """Its id. `key`: the `address_key` of the mailbox."""
    kept = scram.keys_of(secret, vault.scram_salt(key))
    row = {
        "mailbox_id": mailbox_id, "name": name, "secret_hash": vault.hash_generated(secret),
        "stored_key": kept.stored, "server_key": kept.server, "created_at": now,
    }  # fmt: skip
    return int(tx.execute(insert(app_passwords).values(row).returning(app_passwords.c.id)).scalar_one())


def of_mailbox(tx: Connection, mailbox_id: int) -> list[AppPassword]:
    """Oldest first."""
    mine = app_passwords.c.mailbox_id == mailbox_id
    return [
        AppPassword(
            row.id, row.mailbox_id, row.name, row.secret_hash, ScramKeys(row.stored_key, row.server_key), row.created_at
        )
        for row in tx.execute(select(app_passwords).where(mine).order_by(app_passwords.c.id))
    ]


def matching(tx: Connection, mailbox_id: int, secret_hash: bytes) -> int | None:
    """The id of the one that is this secret. Found by its keyed hash, so time tells nothing of the others."""
    row = _MATCHING.row(tx, of_mailbox=mailbox_id, secret=secret_hash)
    return None if row is None else int(row[0])


def revoke(tx: Connection, mailbox_id: int, password_id: int) -> bool:
    """Whether there was such a one. Who is signed in with it stays so; nobody signs in with it again."""
    wanted = (app_passwords.c.mailbox_id == mailbox_id) & (app_passwords.c.id == password_id)
    return tx.execute(delete(app_passwords).where(wanted)).rowcount == 1


def used(tx: Connection, password_id: int, now: datetime) -> None:
    """Write down that it was used, to the hour."""
    make = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    statement = make(app_password_uses).values(password_id=password_id, used_at=now)
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["password_id"], set_={"used_at": now}, where=app_password_uses.c.used_at < now - _USE_EVERY
        )
    )


def uses(tx: Connection, password_ids: Sequence[int]) -> dict[int, datetime]:
    """When each was last used, to the hour; those that never were are left out."""
    wanted = app_password_uses.c.password_id.in_(list(password_ids))
    return {row.password_id: row.used_at for row in tx.execute(select(app_password_uses).where(wanted))}


_MATCHING: Final = Prepared(
    select(app_passwords.c.id).where(
        app_passwords.c.mailbox_id == bindparam("of_mailbox"), app_passwords.c.secret_hash == bindparam("secret")
    )
)
