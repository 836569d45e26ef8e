"""What the clock counts for everybody: the queue by class, ratings, room on disk, the age of the last backup.

Of one machine, or of all nodes that share a database: rows are then told by the clock of each, the same. Nothing is
counted row by row; what waits is what the flows say (store/flows.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Final

from prometheus_client import Counter, Gauge

from admin import backup
from admin.office import Office
from mail.outcome import Effect
from store import flows, rating_tally
from store.database import is_postgresql

CLASSES: Final = ("transactional", "submission", "campaign")  # of `[outbound.retry]`
CAUSES: Final = (*(effect.value for effect in Effect if effect is not Effect.NONE), "reply", "hand", "replay")
ROWS: Final = Gauge("mailloft_queue_rows", "Ledger rows that wait, by class of mail and state", ["class", "state"])
OLDEST: Final = Gauge("mailloft_queue_oldest_seconds", "How long the row that has been due longest is due", ["class"])
CHANGES: Final = Counter("mailloft_rating_changes_total", "Ratings that changed, by cause and direction", [
    "cause", "direction",
])  # fmt: skip
FREE: Final = Gauge("mailloft_disk_free_bytes", "Room for us on the disk of a place", ["place"])
SIZE: Final = Gauge("mailloft_disk_size_bytes", "The whole disk of that place", ["place"])
BACKED_UP: Final = Gauge("mailloft_backup_timestamp_seconds", "When the last backup was taken, since 1970; 0: never")


class Observer:
    """`step` is the clock's duty. `folder` is DIR."""

    def __init__(self, office: Office, folder: Path) -> None:
        self._office = office
        self._folder = folder
        self._places = places(office, folder)
        for cause, direction in product(CAUSES, ("up", "down")):  # told as 0 from the start, so that its first is seen
            CHANGES.labels(cause, direction)
        with office.read() as connection:
            self._seen = rating_tally.newest(connection)

    def step(self, now: datetime) -> None:
        with self._office.read() as connection:
            waiting, due = flows.totals(connection), flows.oldest_due(connection, now)
            changed, self._seen = rating_tally.since(connection, self._seen)
        for name in CLASSES:
            queued, held = waiting.get(name, (0, 0))
            ROWS.labels(name, "queued").set(queued)
            ROWS.labels(name, "held").set(held)
            OLDEST.labels(name).set(max(0.0, (now - due[name]).total_seconds()) if name in due else 0.0)
        for (cause, direction), count in changed.items():
            CHANGES.labels(cause, direction).inc(count)
        self._look_around()

    def _look_around(self) -> None:
        for name, place in self._places.items():
            usage = shutil.disk_usage(place)
            FREE.labels(name).set(usage.free)
            SIZE.labels(name).set(usage.total)
        last = backup.last_of(self._folder)
        BACKED_UP.set(last.made_at.timestamp() if last else 0)


def places(office: Office, folder: Path) -> Mapping[str, Path]:
    """What is on our disks, by name: rows where they are SQLite's, and the bytes of large messages."""
    storage = office.settings.storage
    rows = {} if is_postgresql(storage.database) else {"rows": Path(storage.database or folder)}
    return {**rows, "spool": Path(storage.spool or folder)}
