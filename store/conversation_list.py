"""The conversations of a project, those that wait for somebody first (PRODUCT M2); on `mail`.

`wake` is called with the filing of a mail (store/conversations.py), `settle` by the reader and with the copy of an
answer (store/answers.py); each is in the transaction of what it follows from. What came since is never settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, case, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from mail.letter import Letter
from store.schema import conversations, correspondence

UNREAD: Final = 2
UNANSWERED: Final = 1
DONE: Final = 0
TOP: Final = (UNREAD + 1, 0)  # before every conversation
_COUNTED: Final = 100
_INSERTS: Final = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Conversation:
    """`newest` is the id of the last arrival, `letter` what it said."""

    client_id: int
    standing: int
    newest: int
    at: datetime
    letter: Letter


def wake(tx: Connection, clients: Mapping[int, int], arrival: int, at: datetime) -> None:
    """A mail has come: the conversations with these clients (with their projects) are unread."""
    rows = [
        {"client_id": client, "project_id": project, "newest": arrival, "at": at, "standing": UNREAD}
        for client, project in sorted(clients.items())
    ]
    if not rows:
        return
    added: Any = _INSERTS[tx.dialect.name](conversations)
    new, later = added.excluded, added.excluded.newest > conversations.c.newest
    values = {
        "standing": UNREAD,
        "newest": case((later, new.newest), else_=conversations.c.newest),
        "at": case((later, new.at), else_=conversations.c.at),
    }
    tx.execute(added.on_conflict_do_update(index_elements=["client_id"], set_=values), rows)


def settle(tx: Connection, client: int, newest: int, standing: int) -> None:
    """Read or done as far as arrival `newest`; a later one keeps it as it is, and nothing becomes less settled."""
    same = (conversations.c.client_id == client, conversations.c.newest <= newest)
    tx.execute(update(conversations).where(*same, conversations.c.standing > standing).values(standing=standing))


def page(tx: Connection, project: int, behind: tuple[int, int], limit: int) -> list[Conversation]:
    """Unread, then unanswered, then the others, each the newest first; behind (standing, newest)."""
    last = (correspondence.c.client_id == conversations.c.client_id) & (
        correspondence.c.arrival_id == conversations.c.newest
    )
    place = tuple_(conversations.c.standing, conversations.c.newest)
    wanted = (
        select(conversations, correspondence.c.letter)
        .join(correspondence, last)
        .where(conversations.c.project_id == project, place < behind)
        .order_by(conversations.c.standing.desc(), conversations.c.newest.desc())
        .limit(limit)
    )
    return [
        Conversation(row.client_id, row.standing, row.newest, row.at, msgspec.convert(row.letter, Letter))
        for row in tx.execute(wanted)
    ]


def standing(tx: Connection, client: int) -> int:
    """DONE where nothing has come yet."""
    found = select(conversations.c.standing).where(conversations.c.client_id == client)
    return tx.execute(found).scalar_one_or_none() or DONE


def waiting(tx: Connection, project: int) -> int:
    """How many wait for somebody, counted to a hundred."""
    mine = (conversations.c.project_id == project, conversations.c.standing > DONE)
    some = select(conversations.c.client_id).where(*mine).limit(_COUNTED).subquery()
    return int(tx.execute(select(func.count()).select_from(some)).scalar_one())
