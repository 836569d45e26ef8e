"""What a thing with a number is called, for whoever tells of it by noun and number: the audit trail.

Functions run in the caller's transaction on `core`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, Connection, select

from store.schema import api_keys, campaigns, clients, connections, lists, people, redirects, segments, senders

_NAMES: Final[Mapping[str, Column[Any]]] = {
    "alias": redirects.c.address,
    "campaign": campaigns.c.name,
    "client": clients.c.address,
    "connection": connections.c.name,
    "key": api_keys.c.name,
    "list": lists.c.name,
    "person": people.c.login,
    "segment": segments.c.name,
    "sender": senders.c.address,
}
NOUNS: Final = frozenset(_NAMES)


def name_of(connection: Connection, noun: str, number: int, project: int | None) -> str | None:
    """Of one of NOUNS; None where there is none of that number, in that project (None: in any)."""
    name = _NAMES[noun]
    wanted = select(name).where(name.table.c.id == number)
    if project is not None:
        wanted = wanted.where(name.table.c.project_id == project)
    found: str | None = connection.execute(wanted).scalar_one_or_none()
    return found
