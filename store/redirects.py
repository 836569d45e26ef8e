"""Aliases, catch-alls and forwarding: where mail for an address goes instead of a mailbox of that name (PRODUCT M1).

The caller owns the transaction (on `core`). All rows of one address are its targets together: a mailbox that forwards
and keeps a copy has itself among them. `add` raises TargetTakenError where the row is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from store.schema import redirects

CATCH_ALL: Final = "@"  # before the domain: the address and the key of a catch-all


class TargetTakenError(Exception):
    """The address leads there already."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """`address` is `@domain` for a catch-all."""

    id: int
    project_id: int
    address: str
    target: str


def add(
    tx: Connection, project_id: int, domain_id: int, address: str, key: str, target: str, target_key: str, now: datetime
) -> Redirect:
    row = {
        "project_id": project_id,
        "domain_id": domain_id,
        "address": address,
        "address_key": key,
        "target": target,
        "target_key": target_key,
        "created_at": now,
    }
    try:
        with tx.begin_nested():
            made = int(tx.execute(insert(redirects).values(row).returning(redirects.c.id)).scalar_one())
    except IntegrityError as error:
        raise TargetTakenError(f"{address} leads to {target} already") from error
    return Redirect(made, project_id, address, target)


def remove(tx: Connection, project_id: int, redirect_id: int) -> bool:
    """Whether the project had it."""
    mine = (redirects.c.id == redirect_id) & (redirects.c.project_id == project_id)
    return tx.execute(delete(redirects).where(mine)).rowcount == 1


def count(tx: Connection, key: str) -> int:
    """Targets of one address."""
    return int(tx.execute(select(func.count()).where(redirects.c.address_key == key)).scalar_one())


def page(tx: Connection, project_id: int, after: int, limit: int) -> list[Redirect]:
    """Those with an id above `after`, oldest first."""
    wanted = (redirects.c.project_id == project_id) & (redirects.c.id > after)
    rows = tx.execute(select(*_COLUMNS).where(wanted).order_by(redirects.c.id).limit(limit))
    return [_redirect(row) for row in rows]


def of_address(tx: Connection, project_id: int, key: str) -> list[Redirect]:
    wanted = (redirects.c.project_id == project_id) & (redirects.c.address_key == key)
    return [_redirect(row) for row in tx.execute(select(*_COLUMNS).where(wanted).order_by(redirects.c.id))]


def leading_to(tx: Connection, project_id: int, target_key: str) -> list[Redirect]:
    """The aliases that have this target."""
    wanted = (redirects.c.project_id == project_id) & (redirects.c.target_key == target_key)
    return [_redirect(row) for row in tx.execute(select(*_COLUMNS).where(wanted).order_by(redirects.c.id))]


_COLUMNS = tuple(redirects.c[name] for name in Redirect.__slots__)


def _redirect(row: Row[Any]) -> Redirect:
    return Redirect(**row._mapping)
