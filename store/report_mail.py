"""Queues a report that we send to a domain's owner, once.

On `core`, in the caller's transaction. Called by admin/report_desk.py for DMARC and TLS reports. Crash case: killed
between this and the forgetting of what was counted, the report is made again with the same Message-ID, and that is
here already.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from mail.address import Address
from store import flows, new_rows, sites
from store.domains import Domain
from store.new_rows import NewRow
from store.schema import messages
from store.spool import Stored


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
    if tx.execute(select(messages.c.id).where(messages.c.message_id == message_id)).first() is not None:
        return False
    saved = insert(messages).values(
        project_id=sender.project, kind="submission", reverse_path=f"{local}@{sender.name}", message_id=message_id,
        size_bytes=stored.size_bytes, bytes=stored.blob, file=stored.file, created_at=now,
        requires_tls=False if whatever_tls else None,
    )  # fmt: skip
    message = int(tx.execute(saved.returning(messages.c.id)).scalar_one())
    stream = flows.Stream(sender.project, local, sender.id, "transactional", "transactional")
    flow = sites.flow_to(tx, stream, to.ascii_domain)
    new_rows.add(tx, [NewRow(flow, message, None, str(to))], now)
    return True
