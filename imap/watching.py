"""The folders whose changes a connection is woken by (IDLE, NOTIFY), and whether it was woken and has not looked yet.

Of the reactor's thread. `woken` is taken back by whoever looks.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from imap.notify import Notifier


class Watching:
    __slots__ = ("_folders", "_notifier", "_wake", "woken")

    def __init__(self, notifier: Notifier, wake: Callable[[], None]) -> None:
        self._notifier = notifier
        self._wake = wake
        self._folders: Set[int] = frozenset()
        self.woken = False

    def follow(self, wanted: Set[int]) -> None:
        """These folders, and no others any more."""
        for folder_id in wanted - self._folders:
            self._notifier.watch(folder_id, self._wake)
            self.woken = True  # what changed before the watch began is looked for once
        for folder_id in self._folders - wanted:
            self._notifier.unwatch(folder_id, self._wake)
        self._folders = wanted

    def end(self) -> None:
        self.follow(frozenset())
        self.woken = False
