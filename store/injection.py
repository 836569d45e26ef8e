"""Mail that programs hand over, and answers of people: its bytes once, a row a recipient, all in one transaction.

Every address that a project mails has a client with a rating (R1), so an unknown one becomes a client here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, text

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
_CLIENTS = select(clients.c.address_key, clients.c.id).where(
    clients.c.project_id == bindparam("project"), clients.c.address_key.in_(bindparam("keys", expanding=True))
)
# The columns of a row are named once, so that the statement is compiled once.
_SAVE = (
    insert(messages)
    .values(
        {name: bindparam(name) for name in (
            "project_id", "connection_id", "reverse_path", "message_id", "size_bytes", "bytes", "file",
            "requires_tls", "created_at", "kind",
        )}
    )
    .returning(messages.c.id)
)  # fmt: skip
ANSWER: Final = "answer"  # the kind of a message that a person wrote in a conversation (store/answers.py)
TEST: Final = "test"  # the kind of one that shows a campaign to who writes it (store/campaign_tests.py)
PART: Final = 1000  # recipients that the statements take at once


@dataclass(frozen=True, slots=True)
class Forward:
    """One forward-path: the address as given, its normalised form, and its domain as a site."""

    address: str
    address_key: str
    site: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A message of one connection, or an answer from one mailbox; `stored` is what the spool made of its bytes."""

    project_id: int
    connection_id: int | None  # None: it is an answer
    reverse_path: str
    message_id: str
    stored: Stored
    pool: str
    retry: str = SUBMISSION  # the connection's class
    requires_tls: bool | None = None  # RFC 8689: True no host without sure TLS gets it, False any does
    mailbox_id: int = 0  # of an answer


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A message that was accepted just now, for these recipients; each of them counts once."""

    submitted: Submitted
    forwards: Sequence[Forward]
    at: datetime


def queue_submissions(tx: Connection, handed_in: Sequence[HandedIn]) -> list[int]:
    """Queue messages of whatever projects together, in few statements; their ids."""
    ids = [_save_message(tx, one) for one in handed_in]
    by_project: dict[int, list[tuple[HandedIn, int]]] = {}
    for one, message in zip(handed_in, ids, strict=True):
        by_project.setdefault(one.submitted.project_id, []).append((one, message))
    for project, mine in sorted(by_project.items(), key=lambda item: item[0]):
        for start, end in _parts([len(one.forwards) for one, _ in mine]):
            _queue(tx, project, mine[start:end])
    return ids


def _parts(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of messages that have at most PART recipients together, or are one message."""
    start = total = 0
    for at, count in enumerate(counts):
        if total and total + count > PART:
            yield start, at
            start, total = at, 0
        total += count
    yield start, len(counts)


def _queue(tx: Connection, project: int, mine: Sequence[tuple[HandedIn, int]]) -> None:
    """The rows of one project's messages. Sites, clients, flows: every writer in this order, so no deadlock."""
    now = max(one.at for one, _ in mine)
    unique = {forward.address_key: forward for one, _ in mine for forward in one.forwards}
    site_of = sites.met(tx, {forward.site for forward in unique.values()})
    client_of = _clients(tx, project, unique, now)
    streams = {_stream(one.submitted) for one, _ in mine}
    flow_of = {
        stream: flows.ensure(tx, stream, {
            site_of[forward.site] for one, _ in mine if _stream(one.submitted) == stream for forward in one.forwards
        })
        for stream in sorted(streams, key=lambda stream: stream.id)
    }  # fmt: skip
    rows = [
        NewRow(flow_of[_stream(one.submitted)][site_of[forward.site]], message, client_of[key], forward.address)
        for one, message in mine
        for key, forward in sorted({forward.address_key: forward for forward in one.forwards}.items())
    ]
    new_rows.add(tx, rows, now)


def _stream(one: Submitted) -> flows.Stream:
    if one.connection_id is None:
        return flows.Stream(one.project_id, ANSWER, one.mailbox_id, one.retry, one.pool)
    return flows.Stream(one.project_id, "connection", one.connection_id, one.retry, one.pool)


def _save_message(tx: Connection, one: HandedIn) -> int:
    submitted = one.submitted
    saved = {
        "project_id": submitted.project_id, "connection_id": submitted.connection_id,
        "reverse_path": submitted.reverse_path, "message_id": submitted.message_id,
        "size_bytes": submitted.stored.size_bytes, "bytes": submitted.stored.blob, "file": submitted.stored.file,
        "requires_tls": submitted.requires_tls, "created_at": one.at,
        "kind": ANSWER if submitted.connection_id is None else "submission",
    }  # fmt: skip
    return int(tx.execute(_SAVE, saved).scalar_one())


def _clients(tx: Connection, project: int, forwards: Mapping[str, Forward], now: datetime) -> dict[str, int]:
    """The client of each address, made where it is new."""
    found = _known(tx, project, list(forwards))
    fresh = sorted(forwards.keys() - found.keys())
    if fresh:
        tx.execute(_ENSURE_CLIENT, [
            {
                "project_id": project, "address": forwards[key].address, "address_key": key,
                "site": forwards[key].site, "rating": AUTOMATIC, "now": to_microseconds(now),
            }
            for key in fresh
        ])  # fmt: skip
        found |= _known(tx, project, fresh)
    return found


def _known(tx: Connection, project: int, keys: Sequence[str]) -> dict[str, int]:
    return {row.address_key: row.id for row in tx.execute(_CLIENTS, {"project": project, "keys": keys})}
