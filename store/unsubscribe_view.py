"""Whose subscription a ledger row stands for: what the unsubscribe page shows.

Called by admin/unsubscribe.py; consequences.unsubscribe acts.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from store.schema import campaigns, lists, messages, projects, recipients


@dataclass(frozen=True, slots=True)
class Subscription:
    """`list_id` 0: the message had no list, so there is only everything."""

    address: str
    project: str
    list_id: int
    list_name: str


def of_row(connection: Connection, recipient: int) -> Subscription | None:
    """None where the row has left the ledger, never was, or is no client's."""
    wanted = (
        select(recipients.c.address, projects.c.name, campaigns.c.list_id, lists.c.name.label("list_name"))
        .join(messages, messages.c.id == recipients.c.message_id)
        .join(projects, projects.c.id == messages.c.project_id)
        .outerjoin(campaigns, campaigns.c.id == messages.c.campaign_id)
        .outerjoin(lists, lists.c.id == campaigns.c.list_id)
        .where(recipients.c.id == recipient, recipients.c.client_id.is_not(None))
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else Subscription(row.address, row.name, row.list_id or 0, row.list_name or "")
