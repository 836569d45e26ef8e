"""One message followed from acceptance to its end, and what waits in the queue (PRODUCT V1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from mail.verp import Tokens
from store import mailboxes, queue_view, trace

_FLOWS: Final = 1000


@dataclass(frozen=True, slots=True)
class FlowView:
    stream: str
    stream_id: int
    site: str
    retry: str
    pool: str
    queued: int
    held: int
    next_due: datetime


def follow(office: Office, project: int | None, what: str) -> list[dict[str, Any]]:
    """By ledger id, address or Message-ID, the oldest event first. Raises NotFoundError, also for another project's."""
    found = [
        {"at": one.at, "event": one.event, "recipient": one.recipient_id, **one.fields}
        for row in _rows(office, project, what.strip())
        for one in trace.life_of(office.stores, project, row)
    ]
    if not found:
        raise NotFoundError(f"nothing is known of {what[:200]!r}: give a ledger id, an address or a Message-ID")
    return sorted(found, key=lambda event: event["at"])


def _rows(office: Office, project: int | None, what: str) -> list[int]:
    if what.isascii() and what.isdigit() and len(what) < 19:
        return [int(what)]
    rows = []
    token = Tokens(office.vault.derived("tokens")).row_of_message_id(what)
    if token is not None:
        rows.append(token)
    with office.read() as connection:
        rows += trace.rows_for_message_id(connection, what.strip("<>"))
        if (key := mailboxes.address_key(what)) is not None:
            rows += trace.rows_for_address(connection, project, key)
    return sorted(set(rows))


def queue(
    office: Office, project: int | None, campaign: int | None, site: str | None, state: str | None
) -> list[FlowView]:
    """Flows with queued or held rows, the fullest first."""
    if state not in (None, "queued"):
        raise InvalidError(f"state {state!r}: flows are kept of queued rows; ask for the rows of another state")
    with office.read() as connection:
        rows = queue_view.waiting(connection, project, campaign, site, _FLOWS)
    return [
        FlowView(row.stream, row.stream_id, row.site, row.retry, row.pool, row.queued, row.held, row.next_due)
        for row in rows
    ]
