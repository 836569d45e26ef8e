"""Queues mail that goes on to another host: an alias's outer targets, and reports that come back about such mail.

Called by store/sorting in the transaction on `core` that carries out an arrival's consequences. A message of the kind
"forward" has its bytes, its reverse-path as policy/forwarding says, and one row without a client: nobody's rating
changes by it. Crash case: killed before the arrival is marked on `mail`, the sorter comes again and finds (arrival,
target) in `forwards`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select

from mail.address import Address
from store import flows, new_rows, sites
from store.connections import SUBMISSION
from store.new_rows import NewRow
from store.schema import domains, forwards, messages
from store.spool import Stored

KIND: Final = "forward"
POOL: Final = "transactional"


@dataclass(frozen=True, slots=True)
class Via:
    """The domain of an alias, and whose it is."""

    project_id: int
    domain: str


@dataclass(frozen=True, slots=True)
class Onward:
    """One copy; `reverse_path` is of the form that policy/forwarding gives."""

    via: Via
    target: Address
    reverse_path: str
    stored: Stored


def vias(tx: Connection, domain_ids: Collection[int]) -> dict[int, Via]:
    wanted = select(domains.c.id, domains.c.project_id, domains.c.name).where(domains.c.id.in_(sorted(domain_ids)))
    return {row.id: Via(row.project_id, row.name) for row in tx.execute(wanted)}


def send_on(tx: Connection, arrival_id: int, copies: Sequence[Onward], now: datetime) -> int:
    """Queue those that have not been; how many."""
    return sum(_queue(tx, arrival_id, copy, now) for copy in copies)


def _queue(tx: Connection, arrival_id: int, copy: Onward, now: datetime) -> bool:
    key, project = copy.target.normalised, copy.via.project_id
    known = select(forwards.c.message_id).where(forwards.c.arrival_id == arrival_id, forwards.c.target_key == key)
    if tx.execute(known).first() is not None:
        return False
    saved = insert(messages).values(
        project_id=project, kind=KIND, reverse_path=copy.reverse_path, size_bytes=copy.stored.size_bytes,
        bytes=copy.stored.blob, file=copy.stored.file, created_at=now,
    )  # fmt: skip
    message = int(tx.execute(saved.returning(messages.c.id)).scalar_one())
    flow = sites.flow_to(tx, flows.Stream(project, KIND, project, SUBMISSION, POOL), copy.target.ascii_domain)
    new_rows.add(tx, [NewRow(flow, message, None, str(copy.target))], now)
    tx.execute(insert(forwards).values(arrival_id=arrival_id, target_key=key, message_id=message))
    return True
