"""Whether a submitted message may go to an address: consent and rating, asked at RCPT (PRODUCT S4, R1, R2).

Called by mta/submission in a thread. Where consent is withdrawn and the rating blocks, the answer of consent wins. The
sender looks again before it sends, since both may change while a message waits.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from mail.address import Address
from mail.outcome import Reason
from policy.rating import blocked as is_blocked
from policy.submission_replies import OVER_QUOTA, WITHDRAWN, blocked
from store import consequences, outgoing
from store.schema import rating_changes
from store.stores import Stores

_EVERYTHING = 0


def refusal(stores: Stores, project: int, address: Address) -> str | None:
    """The reply that refuses this addressee, or None; an unknown one is fine."""
    with stores.core.database.read() as core:
        client = consequences.client_by_address(core, project, address.normalised)
        if client is None:
            return None
        known = outgoing.addressees(core, [client])[client]
        if _EVERYTHING in known.withdrawn:
            return WITHDRAWN
        return _blocked(core, client, address) if is_blocked(known.rating) else None


def _blocked(tx: Connection, client: int, address: Address) -> str:
    """Why it is blocked, by the newest entry of the rating ledger."""
    changes = select(rating_changes.c.reason, rating_changes.c.cause).where(rating_changes.c.client_id == client)
    newest = tx.execute(changes.order_by(rating_changes.c.id.desc()).limit(1)).first()
    if newest is None:
        return blocked(str(address), "rating 1")
    if newest.reason is Reason.MAILBOXFULL:
        return OVER_QUOTA
    return blocked(str(address), newest.reason.value if newest.reason else str(newest.cause))
