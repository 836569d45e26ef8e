"""Whether a submitted message may go to an address: consent and rating, asked at RCPT (PRODUCT S4, R1, R2).

Called by mta/submission for all that are asked about at a time. Where consent is withdrawn and the rating blocks, the
answer of consent wins. The sender looks again before it sends, since both may change while a message waits.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, exists, select

from mail.address import Address
from mail.outcome import Reason
from policy.rating import blocked as is_blocked
from policy.submission_replies import OVER_QUOTA, WITHDRAWN, blocked
from store.schema import clients, rating_changes, suppressions

_WITHDRAWN = exists().where(suppressions.c.client_id == clients.c.id, suppressions.c.list_id == 0).label("withdrawn")
_KNOWN = select(clients.c.id, clients.c.address_key, clients.c.rating, _WITHDRAWN).where(
    clients.c.project_id == bindparam("project"), clients.c.address_key.in_(bindparam("keys", expanding=True))
)


def refusals(connection: Connection, asked: Sequence[tuple[int, Address]]) -> list[str | None]:
    """For each project and addressee the reply that refuses it, or None; an unknown one is fine."""
    told: dict[tuple[int, str], str | None] = {}
    for project in {project for project, _ in asked}:
        mine = {address.normalised: address for owner, address in asked if owner == project}
        for row in connection.execute(_KNOWN, {"project": project, "keys": list(mine)}).all():
            if row.withdrawn:
                told[project, row.address_key] = WITHDRAWN
            elif is_blocked(row.rating):
                told[project, row.address_key] = _blocked(connection, row.id, mine[row.address_key])
    return [told.get((project, address.normalised)) for project, address in asked]


def _blocked(tx: Connection, client: int, address: Address) -> str:
    """Why it is blocked, by the newest entry of the rating ledger."""
    changes = select(rating_changes.c.reason, rating_changes.c.cause).where(rating_changes.c.client_id == client)
    newest = tx.execute(changes.order_by(rating_changes.c.id.desc()).limit(1)).first()
    if newest is None:
        return blocked(str(address), "rating 1")
    if newest.reason is Reason.MAILBOXFULL:
        return OVER_QUOTA
    return blocked(str(address), newest.reason.value if newest.reason else str(newest.cause))
