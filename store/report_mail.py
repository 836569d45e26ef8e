"""Queues a report that we send to a domain's owner, once.

On `core`, in the caller's transaction. Called by admin/report_desk.py for DMARC and TLS reports. Crash case: killed
between this and the forgetting of what was counted, the report is made again with the same Message-ID, and that is
here already; so it is where the clocks of two nodes make it at once: an index keeps it single.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from mail.address import Address
from store import flows, new_rows, sites
from store.domains import Domain
from store.new_rows import NewRow
from store.schema import messages
from store.spool import Stored

_INSERTS: Final = {
    "sqlite": sqlite.insert(messages).on_conflict_do_nothing().returning(messages.c.id),
    "postgresql": postgresql.insert(messages).on_conflict_do_nothing().returning(messages.c.id),
}


def queue_report(
    tx: Connection,
    sender: Domain,
    local: str,
    to: Address,
    message_id: str,
    stored: Stored,
    now: datetime,
    *,
    whatever_tls: bool,
) -> bool:
    """As a message of the project that the sending domain belongs to; False where it was queued before.

    `whatever_tls`: it goes without heed of the host's TLS policies, like mail with `TLS-Required: No` (RFC 8689).
    """
    saved = _INSERTS[tx.dialect.name].values(
        project_id=sender.project, kind="submission", reverse_path=f"{local}@{sender.name}", message_id=message_id,
        size_bytes=stored.size_bytes, bytes=stored.blob, file=stored.file, created_at=now,
        requires_tls=False if whatever_tls else None,
    )  # fmt: skip
    message = tx.execute(saved).scalar_one_or_none()
    if message is None:
        return False
    stream = flows.Stream(sender.project, local, sender.id, "transactional", "transactional")
    flow = sites.flow_to(tx, stream, to.ascii_domain)
    new_rows.add(tx, [NewRow(flow, message, None, str(to))], now)
    return True
