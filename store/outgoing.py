"""What the sender looks up beside the ledger: clients, keys, domains, submitted bytes. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, case, func, literal, select

from store import campaign_content, dkim, domains, onward
from store.among import Among
from store.campaign_content import Content
from store.campaigns import CampaignState
from store.injection import ANSWER, TEST
from store.prepared import Prepared
from store.reports import KIND
from store.schema import campaigns, clients, connections, messages, recipients, reports, senders, suppressions

SMALL: Final = 32 * 1024  # octets of a message that is read with many others, before its turn has come
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_WITHDRAWN = Prepared(
    select(suppressions.c.client_id, suppressions.c.list_id).where(Among(suppressions.c.client_id, "ids"))
)
_CLIENTS = Prepared(select(clients.c.id, clients.c.rating, clients.c.variables).where(Among(clients.c.id, "ids")))
_SUBMISSIONS = (
    select(
        messages.c.id, messages.c.project_id, messages.c.reverse_path, messages.c.message_id,
        case((messages.c.size_bytes <= literal(SMALL), messages.c.bytes)),
        messages.c.file, connections.c.sender_id, messages.c.requires_tls,
        messages.c.kind == onward.KIND,
    )
    .outerjoin(connections, connections.c.id == messages.c.connection_id)
    .where(messages.c.id.in_(_IDS), messages.c.kind.in_(["submission", ANSWER, TEST, onward.KIND]))
)  # fmt: skip
_OCTETS = select(messages.c.bytes).where(messages.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Addressee:
    """A client at the moment of sending; `withdrawn` holds list ids, 0 for everything."""

    client_id: int
    rating: int
    variables: Mapping[str, Any]
    withdrawn: frozenset[int]


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted message, or one that goes on: where its bytes are; the sender's domain is in `reverse_path`.

    `blob` and `file` None: it is larger than SMALL and `octets` gives it.
    """

    id: int
    project_id: int
    reverse_path: str
    message_id: str | None
    blob: bytes | None
    file: str | None
    sender_id: int | None
    requires_tls: bool | None  # None: as the domain's policies say; False: whatever they say (RFC 8689 §5)
    onward: bool  # it came from elsewhere: `reverse_path` is as policy/forwarding says


@dataclass(frozen=True, slots=True)
class Shipped:
    """What the sender needs of the campaign behind a message, once for all its rows."""

    campaign_id: int
    project_id: int
    list_id: int  # 0: none
    state: CampaignState
    sender_address: str
    sender_name: str
    content: Content
    sender_id: int


@dataclass(frozen=True, slots=True)
class Fate:
    """One recipient of whom a DSN of ours speaks; `action` and `event` are the words of store/reports."""

    address: str
    action: str
    event: str
    code: int | None
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OurReport:
    """A DSN that is to be made: about which submitted message, and what became of whom."""

    original: Submission
    arrived: datetime
    fates: tuple[Fate, ...]


def addressees(connection: Connection, ids: Collection[int]) -> dict[int, Addressee]:
    if not ids:
        return {}
    wanted = sorted(ids)
    gone: dict[int, set[int]] = {}
    for client, withdrawn in _WITHDRAWN.rows(connection, ids=wanted):
        gone.setdefault(client, set()).add(withdrawn)
    return {
        client: Addressee(client, rating, variables, frozenset(gone.get(client, ())))
        for client, rating, variables in _CLIENTS.rows(connection, ids=wanted)
    }


def identity(connection: Connection, project_id: int, name: str) -> tuple[bool, list[dkim.DkimKey]]:
    """Of a domain: whether its MX points here, so that a reverse-path in it comes back to us, and its active keys.

    Keys only if it is this project's: another's d= is never signed.
    """
    domain = domains.find(connection, name)
    if domain is None:
        return False, []
    return domain.linked, dkim.active(connection, domain.id) if domain.project == project_id else []


def submissions(connection: Connection, message_ids: Collection[int]) -> dict[int, Submission]:
    """Those of these messages that were submitted."""
    return {row[0]: Submission(*row) for row in connection.execute(_SUBMISSIONS, {"ids": list(message_ids)})}


def octets(connection: Connection, message_id: int) -> bytes | None:
    """What a message of any size keeps beside its row; None where that is a file, or it is gone."""
    found: bytes | None = connection.execute(_OCTETS, {"id": message_id}).scalar_one_or_none()
    return found


def shipped(connection: Connection, message_id: int) -> Shipped | None:
    """The campaign behind a message; None for a message that is no campaign's."""
    name = func.coalesce(func.nullif(campaigns.c.from_name, ""), senders.c.display_name)
    wanted = (
        select(
            campaigns.c.id, campaigns.c.project_id, campaigns.c.list_id, campaigns.c.state, senders.c.address,
            name.label("from_name"), messages.c.content_version, senders.c.id.label("sender_id"),
        )
        .join(campaigns, campaigns.c.id == messages.c.campaign_id)
        .join(senders, senders.c.id == campaigns.c.sender_id)
        .where(messages.c.id == message_id)
    )  # fmt: skip
    row = connection.execute(wanted).first()
    if row is None:
        return None
    saved = campaign_content.load(connection, row.id, row.content_version)
    return Shipped(
        row.id, row.project_id, row.list_id or 0, CampaignState(row.state), row.address, row.from_name, saved,
        row.sender_id,
    )  # fmt: skip


def our_report(connection: Connection, message_id: int) -> OurReport | None:
    """What the DSN of this message says; None where it is no DSN."""
    wanted = (
        select(recipients.c.message_id, recipients.c.address, reports)
        .join(messages, messages.c.id == reports.c.message_id)
        .join(recipients, recipients.c.id == reports.c.recipient_id)
        .where(reports.c.message_id == message_id, messages.c.kind == KIND)
        .order_by(recipients.c.id)
    )
    rows = connection.execute(wanted).all()
    if not rows or (original := submissions(connection, [about := rows[0].message_id]).get(about)) is None:
        return None
    arrived = connection.execute(select(messages.c.created_at).where(messages.c.id == about)).scalar_one()
    fates = (Fate(row.address, row.action, row.event, row.code, row.words, row.at) for row in rows)
    return OurReport(original, arrived, tuple(fates))
