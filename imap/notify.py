"""Wakes the sessions whose folder has changed: one poll per process, in a thread of its own, not one per connection.

`watch` and `unwatch` are called from the reactor's thread, and so is every `wake`, by way of `deliver`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from role.log import EventLog
from store.database import Database
from store.folder_feed import ChangeFeed

INTERVAL: Final = 0.1  # seconds between two polls, each 3 us while nobody commits
Wake = Callable[[], None]


class Notifier:
    """`deliver` runs a function in the reactor's thread."""

    def __init__(self, database: Database, deliver: Callable[[Callable[[], None]], None], log: EventLog) -> None:
        self._database = database
        self._deliver = deliver
        self._log = log
        self._watching: dict[int, set[Wake]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def watch(self, folder_id: int, wake: Wake) -> None:
        """Call `wake` after each change of the folder. Look once yourself: a change just before this may be missed."""
        with self._lock:
            self._watching.setdefault(folder_id, set()).add(wake)

    def unwatch(self, folder_id: int, wake: Wake) -> None:
        with self._lock:
            wakes = self._watching.get(folder_id, set())
            wakes.discard(wake)
            if not wakes:
                self._watching.pop(folder_id, None)

    def _run(self) -> None:
        feed: ChangeFeed | None = None
        while not self._stopped.wait(INTERVAL):
            with self._lock:
                watched = list(self._watching)
            if not watched:
                continue
            try:
                feed = feed or ChangeFeed(self._database)
                changed = feed.poll(watched)
            except Exception as error:  # noqa: BLE001 - a database that is away for a while must not end the poll
                self._log.error("imap.notify", raised=error)
                feed = None
                continue
            for folder_id in changed:
                self._tell(folder_id)
        if feed is not None:
            feed.close()

    def _tell(self, folder_id: int) -> None:
        with self._lock:
            wakes = list(self._watching.get(folder_id, ()))
        for wake in wakes:
            self._deliver(wake)
