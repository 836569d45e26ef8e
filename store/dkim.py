"""The DKIM keys of each domain, and the three states of one: published, active, retired (PRODUCT D4).

Called by admin (domains, the clock) and by mta/outbound for signing. Functions run in the caller's transaction on
`core`. A rotation leaves no gap: new keys sign only after their records are seen in DNS, all keys of a domain change
in one transaction, and a retired key's record stays up while mail that it signed is under way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import Connection, delete, insert, select, update

from store.schema import dkim_keys, domains


class KeyState(Enum):
    PUBLISHED = "published"  # its record is to be put into DNS; signs nothing yet
    ACTIVE = "active"  # signs
    RETIRED = "retired"  # signs no more; its record stays up for a while


@dataclass(frozen=True, slots=True)
class DkimKey:
    """`sealed` opens with SigningBox.unseal(sealed, place(domain, selector)); `record` is the TXT value."""

    selector: str
    algorithm: str
    sealed: bytes
    record: str


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A key, and its state since `changed_at`."""

    key: DkimKey
    state: KeyState
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A domain whose published keys wait to be seen in DNS."""

    domain_id: int
    domain: str
    keys: tuple[DkimKey, ...]


def place(domain: str, selector: str) -> str:
    """What a DKIM key is sealed for."""
    return f"dkim_keys:{domain}:{selector}"


def add(tx: Connection, domain: int, keys: Iterable[DkimKey], state: KeyState, now: datetime) -> None:
    for key in keys:
        tx.execute(
            insert(dkim_keys).values(
                domain_id=domain, selector=key.selector, algorithm=key.algorithm, sealed_private_key=key.sealed,
                record=key.record, state=state.value, created_at=now, changed_at=now,
            )
        )  # fmt: skip


def of_domain(tx: Connection, domain: int) -> list[KeptKey]:
    """All that are kept, the oldest first."""
    rows = tx.execute(select(dkim_keys).where(dkim_keys.c.domain_id == domain).order_by(dkim_keys.c.id))
    return [
        KeptKey(
            DkimKey(row.selector, row.algorithm, row.sealed_private_key, row.record),
            KeyState(row.state),
            row.changed_at,
        )
        for row in rows
    ]


def active(tx: Connection, domain: int) -> list[DkimKey]:
    """Those that sign now."""
    return [kept.key for kept in of_domain(tx, domain) if kept.state is KeyState.ACTIVE]


def switch(tx: Connection, domain: int, now: datetime) -> bool:
    """Published keys sign from now on, and those that signed are retired; False where none was published."""
    if not any(kept.state is KeyState.PUBLISHED for kept in of_domain(tx, domain)):
        return False
    for before, after in ((KeyState.ACTIVE, KeyState.RETIRED), (KeyState.PUBLISHED, KeyState.ACTIVE)):
        tx.execute(
            update(dkim_keys)
            .where(dkim_keys.c.domain_id == domain, dkim_keys.c.state == before.value)
            .values(state=after.value, changed_at=now)
        )
    return True


def waiting(tx: Connection, after: int, limit: int) -> list[Waiting]:
    """The next domains behind id `after` whose published keys wait to be seen in DNS."""
    wanted = (
        select(dkim_keys.c.domain_id, domains.c.name)
        .join(domains, domains.c.id == dkim_keys.c.domain_id)
        .where(dkim_keys.c.state == KeyState.PUBLISHED.value, dkim_keys.c.domain_id > after)
        .distinct()
        .order_by(dkim_keys.c.domain_id)
        .limit(limit)
    )
    return [
        Waiting(
            row.domain_id,
            row.name,
            tuple(kept.key for kept in of_domain(tx, row.domain_id) if kept.state is KeyState.PUBLISHED),
        )
        for row in tx.execute(wanted).all()
    ]


def forget_retired(tx: Connection, before: datetime) -> int:
    """Delete the keys that were retired before that moment; how many."""
    old = (dkim_keys.c.state == KeyState.RETIRED.value) & (dkim_keys.c.changed_at < before)
    return tx.execute(delete(dkim_keys).where(old)).rowcount
