"""Which acts of arrivals change something on `core`: most mail is of strangers, and must not cost the writer's time.

Asked by the sorter for a group at a time, on one state of core, before the acts are carried out; it only reads. An act
that is left out would have changed nothing and tied the arrival to nobody (store/sorting.py). A client that is made
behind this look counts from his next mail on, as if it had come a moment later.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection

from policy.sorting import Act, Met, Replied
from store import consequences, mailboxes


def needed(tx: Connection, group: Sequence[tuple[Act, ...]]) -> list[tuple[Act, ...]]:
    """Of each arrival of the group those that are to be carried out, in their order."""
    mailbox = cache(lambda found: mailboxes.by_id(tx, found))
    client = cache(lambda project, key: consequences.client_by_address(tx, project, key))

    def meets(act: Met) -> bool:
        met = mailbox(act.mailbox_id)
        return met is not None and bool((met.adds_writers and act.writers) or (met.adds_cards and act.on_cards))

    def ties(act: Replied) -> bool:
        if act.mailbox_id is None or act.recipient_id is not None or act.rows or act.message_ids:
            return True
        home = mailbox(act.mailbox_id)
        return home is not None and act.address_key is not None and client(home.project_id, act.address_key) is not None

    left = [tuple(act for act in doing if not isinstance(act, Met) or meets(act)) for doing in group]
    if any(isinstance(act, Met) for doing in left for act in doing):
        return left  # who becomes a client by one of these may be the author of another
    return [tuple(act for act in doing if not isinstance(act, Replied) or ties(act)) for doing in left]
