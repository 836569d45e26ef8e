"""Mail that programs hand over: its bytes once, a ledger row for each recipient, all in the transaction of the 250.

Every address that a project mails has a client with a rating (R1), so an unknown one becomes a client here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, text

from policy.rating import AUTOMATIC
from store import flows, new_rows, sites
from store.columns import to_microseconds
from store.connections import SUBMISSION
from store.new_rows import NewRow
from store.schema import clients, messages
from store.spool import Stored

_ENSURE_CLIENT = text(
    "INSERT INTO clients (project_id, address, address_key, site, rating, variables, origin, registered_at) "
    "VALUES (:project_id, :address, :address_key, :site, :rating, '{}', 'automatic', :now) "
    "ON CONFLICT (project_id, address_key) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Forward:
    """One forward-path: the address as given, its normalised form, and its domain as a site."""

    address: str
    address_key: str
    site: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A message of one connection; `stored` is what the spool made of its bytes."""

    project_id: int
    connection_id: int
    reverse_path: str
    message_id: str
    stored: Stored
    pool: str
    retry: str = SUBMISSION  # the connection's class
    requires_tls: bool | None = None  # RFC 8689: True no host without sure TLS gets it, False any does


def queue_submission(tx: Connection, submitted: Submitted, forwards: Sequence[Forward], now: datetime) -> int:
    """Queue a submitted message for each of its recipients; the message's id. Each recipient counts once."""
    unique = {forward.address_key: forward for forward in forwards}
    clients_by_key = _ensure_clients(tx, submitted.project_id, list(unique.values()), now)
    message = _save_message(tx, submitted, now)
    stream = flows.Stream(submitted.project_id, "connection", submitted.connection_id, submitted.retry, submitted.pool)
    site_of = sites.of(tx, {forward.site for forward in unique.values()})
    flow_of = flows.ensure(tx, stream, list(site_of.values()))
    rows = [
        NewRow(flow_of[site_of[forward.site]], message, clients_by_key[key], forward.address)
        for key, forward in sorted(unique.items())
    ]
    new_rows.add(tx, rows, now)
    return message


def _save_message(tx: Connection, submitted: Submitted, now: datetime) -> int:
    saved = insert(messages).values(
        project_id=submitted.project_id, kind="submission", connection_id=submitted.connection_id,
        reverse_path=submitted.reverse_path, message_id=submitted.message_id,
        size_bytes=submitted.stored.size_bytes, bytes=submitted.stored.blob, file=submitted.stored.file,
        requires_tls=submitted.requires_tls, created_at=now,
    )  # fmt: skip
    return int(tx.execute(saved.returning(messages.c.id)).scalar_one())


def _ensure_clients(tx: Connection, project_id: int, forwards: Sequence[Forward], now: datetime) -> dict[str, int]:
    made = [
        {
            "project_id": project_id, "address": one.address, "address_key": one.address_key, "site": one.site,
            "rating": AUTOMATIC, "now": to_microseconds(now),
        }
        for one in sorted(forwards, key=lambda one: one.address_key)
    ]  # fmt: skip
    sites.note(tx, {one.site for one in forwards})  # before the clients, as an import does: one order, no deadlock
    tx.execute(_ENSURE_CLIENT, made)
    wanted = select(clients.c.address_key, clients.c.id).where(
        clients.c.project_id == project_id, clients.c.address_key.in_([one.address_key for one in forwards])
    )
    return {row.address_key: row.id for row in tx.execute(wanted)}
