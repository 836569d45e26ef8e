"""What the sender looks up beside the ledger: clients, keys, domains, submitted bytes. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from store import campaign_content, dkim, domains
from store.campaign_content import Content
from store.campaigns import CampaignState
from store.schema import campaigns, clients, messages, senders, suppressions


@dataclass(frozen=True, slots=True)
class Addressee:
    """A client at the moment of sending; `withdrawn` holds list ids, 0 for everything."""

    client_id: int
    rating: int
    variables: Mapping[str, Any]
    withdrawn: frozenset[int]


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted message: where its bytes are, and the domain of its sender is in `reverse_path`."""

    project_id: int
    reverse_path: str
    message_id: str | None
    blob: bytes | None
    file: str | None
    requires_tls: bool | None  # None: as the domain's policies say; False: whatever they say (RFC 8689 §5)


@dataclass(frozen=True, slots=True)
class Shipped:
    """What the sender needs of the campaign behind a message, once for all its rows."""

    campaign_id: int
    project_id: int
    list_id: int
    state: CampaignState
    sender_address: str
    sender_name: str
    content: Content


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


def signing_keys(connection: Connection, project_id: int, name: str) -> list[dkim.DkimKey]:
    """The active keys of a domain, if it is this project's: another's d= is never signed."""
    domain = domains.get(connection, project_id, name)
    return [] if domain is None else dkim.active(connection, domain.id)


def is_linked(connection: Connection, name: str) -> bool:
    """Whether the domain's MX points here, so that a reverse-path in it comes back to us."""
    domain = domains.find(connection, name)
    return domain is not None and domain.linked


def submission(connection: Connection, message_id: int) -> Submission | None:
    row = connection.execute(
        select(
            messages.c.project_id, messages.c.reverse_path, messages.c.message_id, messages.c.bytes, messages.c.file,
            messages.c.requires_tls,
        ).where(messages.c.id == message_id, messages.c.kind == "submission")
    ).first()  # fmt: skip
    return None if row is None else Submission(*row)


def shipped(connection: Connection, message_id: int) -> Shipped | None:
    """The campaign behind a message; None for a message that is no campaign's."""
    wanted = (
        select(
            campaigns.c.id, campaigns.c.project_id, campaigns.c.list_id, campaigns.c.state, senders.c.address,
            senders.c.display_name, messages.c.content_version,
        )
        .join(campaigns, campaigns.c.id == messages.c.campaign_id)
        .join(senders, senders.c.id == campaigns.c.sender_id)
        .where(messages.c.id == message_id)
    )  # fmt: skip
    row = connection.execute(wanted).first()
    if row is None:
        return None
    saved = campaign_content.load(connection, row.id, row.content_version)
    return Shipped(row.id, row.project_id, row.list_id, CampaignState(row.state), row.address, row.display_name, saved)
