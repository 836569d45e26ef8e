"""Accounts: the mailboxes of `core` that people and the MX know by their address.

The caller owns the transaction (on `core`). An address is one account whatever its spelling: `address_key` is
`Address.normalised`, unique over all projects. `create` raises AddressTakenError.
A password hash is argon2id of a person's own password, or `sha256:` and the keyed hash of a generated one.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from mail import scram
from mail.address import parse_mailbox
from mail.scram import ScramKeys
from store.prepared import Prepared
from store.schema import mailboxes
from store.secrets import Vault, password_matches

_GENERATED: Final = "sha256:"
CHANGEABLE: Final = ("quota_bytes", "adds_writers", "adds_cards")
# What a sign-in with an unknown address is measured against: it costs what a wrong password does.
NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$7p11jIF7M+zyn76WLvQXwQ$WUE03v575GhAOvXZYzqlt1Pc2mx8gLmBZdAQh8OfEug"


class AddressTakenError(Exception):
    """There is a mailbox with this address already."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    id: int
    project_id: int
    domain_id: int
    address: str
    password_hash: str
    quota_bytes: int | None
    created_at: datetime
    hidden_capabilities: str  # of IMAP, separated by one space
    adds_writers: bool
    adds_cards: bool


def address_key(address: str) -> str | None:
    """What `by_address` looks for, or None where `address` is none at all."""
    try:
        return parse_mailbox(address).normalised
    except ValueError:
        return None


def create(
    tx: Connection,
    project_id: int,
    domain_id: int,
    address: str,
    password_hash: str,
    quota_bytes: int | None,
    now: datetime,
) -> int:
    """The new account's id. AddressTakenError where it exists; ValueError where `address` is none.

    Its folders come with the first mail or sign-in (`folders.ensure_folders`, on `mail`).
    """
    parsed = parse_mailbox(address)
    row = {
        "project_id": project_id,
        "domain_id": domain_id,
        "address": str(parsed),
        "address_key": parsed.normalised,
        "password_hash": password_hash,
        "quota_bytes": quota_bytes,
        "created_at": now,
        "hidden_capabilities": "",
    }
    try:
        with tx.begin_nested():
            return int(tx.execute(insert(mailboxes).values(row).returning(mailboxes.c.id)).scalar_one())
    except IntegrityError as error:
        if by_address(tx, parsed.normalised) is None:
            raise
        raise AddressTakenError(f"the mailbox {parsed} exists already") from error


def by_address(tx: Connection, key: str) -> Mailbox | None:
    """The account with this `address_key`."""
    return _one(_BY_ADDRESS.row(tx, key=key))


def by_id(tx: Connection, mailbox_id: int) -> Mailbox | None:
    return _one(_BY_ID.row(tx, of_mailbox=mailbox_id))


def existing(tx: Connection, ids: Collection[int]) -> set[int]:
    """Those of these that are there."""
    return set(tx.execute(select(mailboxes.c.id).where(mailboxes.c.id.in_(sorted(ids)))).scalars()) if ids else set()


def list_of(tx: Connection, project_id: int, after: int = 0, limit: int = 100) -> list[Mailbox]:
    """Those of a project with an id above `after`, oldest first: the next page begins after the last one's id."""
    wanted = (mailboxes.c.project_id == project_id) & (mailboxes.c.id > after)
    rows = tx.execute(select(*_COLUMNS).where(wanted).order_by(mailboxes.c.id).limit(limit))
    return [_mailbox(row) for row in rows]


def set_password(tx: Connection, project_id: int, mailbox_id: int, password_hash: str) -> bool:
    """Whether the project has such a mailbox. Who is signed in stays so; the old password no longer signs in."""
    mine = (mailboxes.c.id == mailbox_id) & (mailboxes.c.project_id == project_id)
    return tx.execute(update(mailboxes).where(mine).values(password_hash=password_hash)).rowcount == 1


def change(tx: Connection, project_id: int, mailbox_id: int, values: Mapping[str, Any]) -> bool:
    """Set those of CHANGEABLE that are named; whether the project has such a mailbox. KeyError for another name."""
    if unknown := values.keys() - set(CHANGEABLE):
        raise KeyError(f"a mailbox has no {', '.join(sorted(unknown))} that can be changed")
    mine = (mailboxes.c.id == mailbox_id) & (mailboxes.c.project_id == project_id)
    if not values:
        return tx.execute(select(mailboxes.c.id).where(mine)).first() is not None
    return tx.execute(update(mailboxes).where(mine).values(dict(values))).rowcount == 1


def hide_capabilities(tx: Connection, project_id: int, mailbox_id: int, names: Iterable[str]) -> bool:
    """Sessions that sign in from now on are not offered these; whether the project has such a mailbox."""
    mine = (mailboxes.c.id == mailbox_id) & (mailboxes.c.project_id == project_id)
    kept = " ".join(sorted(names))
    return tx.execute(update(mailboxes).where(mine).values(hidden_capabilities=kept)).rowcount == 1


def generated_hash(vault: Vault, secret: str, key: str | None = None) -> str:
    """The `password_hash` of a password that `secrets.generate_secret` made; with SCRAM keys for an `address_key`."""
    kept = _GENERATED + vault.hash_generated(secret).hex()
    if key is None:
        return kept
    keys = scram.keys_of(secret, vault.scram_salt(key))
    return f"{kept}:{keys.stored.hex()}:{keys.server.hex()}"


def scram_keys(password_hash: str) -> ScramKeys | None:
    """None for a password that a person chose."""
    pieces = password_hash.removeprefix(_GENERATED).split(":")
    if not password_hash.startswith(_GENERATED) or len(pieces) != 3:
        return None
    return ScramKeys(bytes.fromhex(pieces[1]), bytes.fromhex(pieces[2]))


def is_generated(vault: Vault, password_hash: str, password: str) -> bool:
    """Whether it is the password and was made by us. Fast."""
    kept = password_hash[: len(_GENERATED) + 64]
    return hmac.compare_digest(generated_hash(vault, password).encode(), kept.encode())


def verify(vault: Vault, password_hash: str, password: str) -> bool:
    """Slow (argon2id) for a person's password and for every wrong one, so that time tells nothing of the account."""
    if password_hash.startswith(_GENERATED):
        if is_generated(vault, password_hash, password):
            return True
        password_hash = NOBODY
    return password_matches(password_hash, password) and password_hash != NOBODY


_COLUMNS = tuple(mailboxes.c[name] for name in Mailbox.__slots__)
_BY_ID = Prepared(select(*_COLUMNS).where(mailboxes.c.id == bindparam("of_mailbox")))
_BY_ADDRESS = Prepared(select(*_COLUMNS).where(mailboxes.c.address_key == bindparam("key")))


def _one(row: Sequence[Any] | None) -> Mailbox | None:
    return None if row is None else Mailbox(*row[:-2], *map(bool, row[-2:]))


def _mailbox(row: Row[Any]) -> Mailbox:
    return Mailbox(**row._mapping)
