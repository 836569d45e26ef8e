"""Who is met through a mailbox becomes a client where its switches say so (PRODUCT M3): writers, and who is on vCards.

The sorter calls `meet` in its transaction on `core`. Idempotent: a client that is there stays as it is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from mail.address import parse_mailbox
from policy.correspondents import Standing, entries, standing
from policy.rating import AUTOMATIC
from policy.sorting import Met
from store import clients, correspondents, domains, mailboxes
from store.clients import Newcomer

ORIGIN = "incoming"


def _is_unwanted(tx: Connection, met: Met) -> bool:
    """Whether the mailbox denies or refuses its writer."""
    kept = correspondents.kept_for(tx, [met.mailbox_id], [one for key in met.writers for one in entries(key)])
    told = [standing(kept.get(met.mailbox_id, {}), key) for key in met.writers]
    return Standing.DENY in told or Standing.REFUSE in told


def meet(tx: Connection, met: Met, now: datetime) -> int:
    """How many became clients of the mailbox's project: none of its own domains, nobody whose writer it denies."""
    mailbox = mailboxes.by_id(tx, met.mailbox_id)
    if mailbox is None or _is_unwanted(tx, met):
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
