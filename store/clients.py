"""Clients: the addressees of a project, with rating, variables and consent (PRODUCT L1, R1).

Called by admin (import, API, command line). Functions run in the caller's transaction on `core`; ratings change in
store/ratings.py alone, here they are only given at registration and read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, insert, select, update

from store import list_ratings, sites
from store.schema import campaigns, clients, memberships, messages, rating_changes, recipients, suppressions


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A client as it is registered; `address_key` is mail.address.Address.normalised, `site` its domain."""

    address: str
    address_key: str
    site: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """`subscribed` is False where consent to everything is withdrawn."""

    id: int
    address: str
    site: str
    rating: int
    variables: Mapping[str, Any]
    registered_at: datetime
    subscribed: bool


@dataclass(frozen=True, slots=True)
class RatingChange:
    before: int
    after: int
    cause: str
    reason: str | None
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """`list_id` 0: everything."""

    list_id: int
    kind: str
    at: datetime


_everything = (
    exists().where(suppressions.c.client_id == clients.c.id, suppressions.c.list_id == 0).correlate(clients)
).label("withdrawn")


def known(tx: Connection, project: int, keys: Iterable[str]) -> dict[str, tuple[int, Mapping[str, Any]]]:
    """Id and variables of those keys that the project has."""
    wanted = select(clients.c.address_key, clients.c.id, clients.c.variables).where(
        clients.c.project_id == project, clients.c.address_key.in_(list(keys))
    )
    return {row.address_key: (row.id, row.variables) for row in tx.execute(wanted)}


def register(
    tx: Connection, project: int, newcomers: Sequence[Newcomer], rating: int, origin: str, now: datetime
) -> list[int]:
    """Add them, in order; their ids. `newcomers` are new to the project and not more than a batch."""
    if not newcomers:
        return []
    rows = [
        {
            "project_id": project,
            "address": newcomer.address,
            "address_key": newcomer.address_key,
            "site": newcomer.site,
            "rating": rating,
            "variables": dict(newcomer.variables),
            "origin": origin,
            "registered_at": now,
        }
        for newcomer in newcomers
    ]
    sites.note(tx, {newcomer.site for newcomer in newcomers})
    made = tx.execute(insert(clients).returning(clients.c.id, sort_by_parameter_order=True), rows)
    list_ratings.registered(tx, project, rating, len(rows))
    return list(made.scalars())


def lock(tx: Connection, ids: Collection[int]) -> None:
    """Before a write to several, in one order, so that two such writes never wait for each other."""
    wanted = select(clients.c.id).where(clients.c.id.in_(ids)).order_by(clients.c.id)
    tx.execute(wanted.with_for_update(key_share=True)).all()


def set_variables(tx: Connection, client: int, variables: Mapping[str, Any]) -> None:
    tx.execute(update(clients).where(clients.c.id == client).values(variables=dict(variables)))


def get(tx: Connection, project: int, client: int) -> Client | None:
    row = tx.execute(_mine(project).where(clients.c.id == client)).one_or_none()
    return None if row is None else _client(row)


def find(tx: Connection, project: int, address_key: str) -> Client | None:
    row = tx.execute(_mine(project).where(clients.c.address_key == address_key)).one_or_none()
    return None if row is None else _client(row)


def addresses(tx: Connection, project: int, ids: Collection[int]) -> dict[int, str]:
    """By id, of those that are the project's."""
    wanted = select(clients.c.id, clients.c.address).where(clients.c.project_id == project, clients.c.id.in_(ids))
    return {row.id: row.address for row in tx.execute(wanted)}


def everywhere(tx: Connection, address_key: str, project: int | None) -> list[tuple[int, Client]]:
    """The clients with this address, with their project; of one project, or (None) of all."""
    wanted = select(clients, _everything).where(clients.c.address_key == address_key).order_by(clients.c.project_id)
    if project is not None:
        wanted = wanted.where(clients.c.project_id == project)
    return [(row.project_id, _client(row)) for row in tx.execute(wanted)]


def page(tx: Connection, project: int, list_id: int | None, after: int, limit: int) -> list[Client]:
    """Those with a larger id than `after`, of one list or of the whole project."""
    if list_id is None:
        wanted = _mine(project).where(clients.c.id > after).order_by(clients.c.id)
    else:
        # Walks the list's own key from the cursor on, so a page costs the same at any depth.
        member = memberships.c.client_id == clients.c.id
        behind = (memberships.c.list_id == list_id) & (memberships.c.client_id > after)
        wanted = _mine(project).join(memberships, member).where(behind).order_by(memberships.c.client_id)
    return [_client(row) for row in tx.execute(wanted.limit(limit))]


def rating_history(tx: Connection, client: int, limit: int) -> list[RatingChange]:
    """The latest changes, oldest first."""
    latest = select(rating_changes).where(rating_changes.c.client_id == client)
    rows = tx.execute(latest.order_by(rating_changes.c.id.desc()).limit(limit)).all()
    return [
        RatingChange(row.before, row.after, row.cause, row.reason and row.reason.value, row.words, row.at)
        for row in reversed(rows)
    ]


def sent_to(tx: Connection, client: int, limit: int) -> list[Row[Any]]:
    """The newest ledger rows: id, the campaign's name, state, reason, queued_at, words."""
    wanted = (
        select(
            recipients.c.id, campaigns.c.name, recipients.c.state, recipients.c.reason, recipients.c.queued_at,
            recipients.c.last_words.label("words"),
        )
        .join(messages, messages.c.id == recipients.c.message_id)
        .outerjoin(campaigns, campaigns.c.id == messages.c.campaign_id)
        .where(recipients.c.client_id == client)
        .order_by(recipients.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    return list(tx.execute(wanted))


def withdrawals(tx: Connection, client: int) -> list[Suppression]:
    """Where the client's consent is withdrawn, and since when."""
    rows = tx.execute(select(suppressions).where(suppressions.c.client_id == client).order_by(suppressions.c.id))
    return [Suppression(row.list_id, row.kind, row.at) for row in rows]


def _mine(project: int) -> Select[Any]:
    return select(clients, _everything).where(clients.c.project_id == project)


def _client(row: Row[Any]) -> Client:
    return Client(row.id, row.address, row.site, row.rating, row.variables, row.registered_at, not row.withdrawn)
