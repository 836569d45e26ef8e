"""MTA-STS policies of other domains, so that a restart does not forget what must be followed (RFC 8461 §5.1).

Called by mta/outbound/policy_keep.py. Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from store.schema import tls_policies


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """As it was fetched; `identity` is that of the record that announced it."""

    domain: str
    identity: str
    octets: bytes
    fetched_at: datetime
    expires_at: datetime


def valid(tx: Connection, now: datetime) -> list[PolicyRow]:
    rows = tx.execute(select(tls_policies).where(tls_policies.c.expires_at > now))
    return [PolicyRow(row.domain, row.identity, row.octets, row.fetched_at, row.expires_at) for row in rows]


def save(tx: Connection, row: PolicyRow) -> None:
    """The newest of a domain replaces the one before."""
    values = {
        "identity": row.identity, "octets": row.octets, "fetched_at": row.fetched_at, "expires_at": row.expires_at,
    }  # fmt: skip
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    made = insert(tls_policies).values(domain=row.domain, **values)
    tx.execute(made.on_conflict_do_update(index_elements=["domain"], set_=values))


def forget_expired(tx: Connection, now: datetime) -> None:
    tx.execute(delete(tls_policies).where(tls_policies.c.expires_at <= now))
