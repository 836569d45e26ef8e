"""Who was put off at RCPT, and who came again: by network and pair of addresses, on `mail`.

The caller owns the transaction. A pair that passed lets its network pass for every pair, which is kept under "".
Crash case: a row that was not written makes a peer wait once more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from policy.junk import Seen
from store.schema import greylist

_NETWORK = ""


def seen(tx: Connection, network: str, pair: str) -> Seen:
    wanted = (greylist.c.network == network) & greylist.c.pair.in_([_NETWORK, pair])
    rows = {row.pair: row for row in tx.execute(select(greylist).where(wanted))}
    first, passed = rows.get(pair), rows.get(_NETWORK)
    return Seen(first.first_at if first else None, passed.passed_at if passed else None)


def put_off(tx: Connection, network: str, pair: str, now: datetime) -> None:
    """Remember its first try; one that came far too late begins anew."""
    values = {"network": network, "pair": pair, "first_at": now}
    tx.execute(_upsert(tx, values, {"first_at": now}))


def passed(tx: Connection, network: str, now: datetime) -> None:
    """The whole network is let in from now on."""
    values = {"network": network, "pair": _NETWORK, "first_at": now, "passed_at": now}
    tx.execute(_upsert(tx, values, {"passed_at": now}))


def forget(tx: Connection, now: datetime, age: timedelta) -> int:
    """Rows that nobody has touched for so long."""
    old = (greylist.c.first_at < now - age) & (greylist.c.passed_at.is_(None) | (greylist.c.passed_at < now - age))
    return tx.execute(delete(greylist).where(old)).rowcount


def _upsert(tx: Connection, values: dict[str, object], changed: dict[str, object]) -> sqlite.Insert | postgresql.Insert:
    make = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    return make(greylist).values(values).on_conflict_do_update(index_elements=["network", "pair"], set_=changed)
