"""What the sender looks up beside the ledger: clients, keys, domains, submitted bytes. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from store.schema import clients, dkim_keys, domains, messages, suppressions


@dataclass(frozen=True, slots=True)
class Addressee:
    """A client at the moment of sending; `withdrawn` holds list ids, 0 for everything."""

    client_id: int
    rating: int
    variables: Mapping[str, Any]
    withdrawn: frozenset[int]


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A DKIM key as it lies in the table; `place` is what it was sealed for."""

    selector: str
    sealed: bytes
    place: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted message: where its bytes are, and the domain of its sender is in `reverse_path`."""

    project_id: int
    reverse_path: str
    message_id: str | None
    blob: bytes | None
    file: str | None


def addressees(connection: Connection, ids: Collection[int]) -> dict[int, Addressee]:
    wanted = sorted(ids)
    gone: dict[int, set[int]] = {}
    withdrawn = select(suppressions.c.client_id, suppressions.c.list_id).where(suppressions.c.client_id.in_(wanted))
    for row in connection.execute(withdrawn):
        gone.setdefault(row.client_id, set()).add(row.list_id)
    found = connection.execute(
        select(clients.c.id, clients.c.rating, clients.c.variables).where(clients.c.id.in_(wanted))
    )
    return {row.id: Addressee(row.id, row.rating, row.variables, frozenset(gone.get(row.id, ()))) for row in found}


def signing_keys(connection: Connection, project_id: int, domain: str) -> list[SealedKey]:
    """The active keys of a domain, if it is this project's: another's d= is never signed."""
    wanted = (
        select(dkim_keys.c.selector, dkim_keys.c.sealed_private_key)
        .join(domains, domains.c.id == dkim_keys.c.domain_id)
        .where(domains.c.name == domain, domains.c.project_id == project_id, dkim_keys.c.active.is_(True))
        .order_by(dkim_keys.c.id)
    )
    return [
        SealedKey(row.selector, row.sealed_private_key, key_place(domain, row.selector))
        for row in connection.execute(wanted)
    ]


def key_place(domain: str, selector: str) -> str:
    """What a DKIM key is sealed for (store/secrets.Vault)."""
    return f"dkim_keys:{domain}:{selector}"


def is_linked(connection: Connection, domain: str) -> bool:
    """Whether the domain's MX points here, so that a reverse-path in it comes back to us."""
    found = connection.execute(select(domains.c.linked).where(domains.c.name == domain)).scalar_one_or_none()
    return bool(found)


def submission(connection: Connection, message_id: int) -> Submission | None:
    row = connection.execute(
        select(
            messages.c.project_id, messages.c.reverse_path, messages.c.message_id, messages.c.bytes, messages.c.file
        ).where(messages.c.id == message_id, messages.c.kind == "submission")
    ).first()
    return None if row is None else Submission(*row)
