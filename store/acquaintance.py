"""Who is met through a mailbox becomes a client where its switches say so (PRODUCT M3): writers, and who is on vCards.

The sorter calls `meet` in its transaction on `core`. Idempotent: a client that is there stays as it is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from mail.address import parse_mailbox
from policy.rating import AUTOMATIC
from policy.sorting import Met
from store import clients, domains, mailboxes
from store.clients import Newcomer

ORIGIN = "incoming"


def meet(tx: Connection, met: Met, now: datetime) -> int:
    """How many became clients of the mailbox's project; none of its own domains' addresses does."""
    mailbox = mailboxes.by_id(tx, met.mailbox_id)
    if mailbox is None:
        return 0
    wanted = list(met.writers if mailbox.adds_writers else ()) + list(met.on_cards if mailbox.adds_cards else ())
    parsed = {key: parse_mailbox(key) for key in sorted(set(wanted))}
    known = clients.known(tx, mailbox.project_id, parsed)
    newcomers = [
        Newcomer(str(address), key, address.ascii_domain, {})
        for key, address in parsed.items()
        if key not in known and domains.get(tx, mailbox.project_id, address.ascii_domain) is None
    ]
    return len(clients.register(tx, mailbox.project_id, newcomers, AUTOMATIC, ORIGIN, now))
