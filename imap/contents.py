"""The octets of mails that are read one after the other, fetched some at a time.

A query for each small mail costs more than the mail; so the next ones of the list come along, up to AHEAD octets or
TOGETHER mails, and are kept until the reader goes beyond them. A large mail comes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from store import content_rows
from store.database import Database
from store.spool import Spool

AHEAD: Final = 1024 * 1024
TOGETHER: Final = 100


class Contents:
    """`listed`: (content id, size) in the order in which they will be asked for; some may be left out."""

    def __init__(self, database: Database, spool: Spool, listed: Sequence[tuple[int, int]]) -> None:
        self._database = database
        self._spool = spool
        self._listed = listed
        self._places = {content_id: place for place, (content_id, _) in enumerate(listed)}
        self._near: dict[int, tuple[bytes | None, str | None]] = {}

    def read(self, content_id: int) -> bytes | None:
        """The octets; None where another session has expunged the mail meanwhile."""
        if content_id not in self._near:
            with self._database.read() as tx:
                self._near = content_rows.bytes_of(tx, self._following(self._places[content_id]))
        place = self._near.get(content_id)
        if place is None:
            return None
        try:
            return self._spool.get(*place)
        except FileNotFoundError:
            return None

    def _following(self, place: int) -> list[int]:
        chosen: list[int] = []
        octets = 0
        for content_id, size in self._listed[place : place + TOGETHER]:
            octets += size
            if chosen and octets > AHEAD:
                break
            chosen.append(content_id)
        return chosen
