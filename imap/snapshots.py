"""What a folder holds at one MODSEQ, read once per process and shared by all sessions that have it selected.

A list of UIDs for each of 500 sessions on a mailbox of 50,000 would be 900 MB; one array of four octets a mail is
200 kB. A snapshot lives as long as a session holds it, the RECENT last ones longer: folders are selected again.
Called from the threads in which commands run.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from store import filing, folders
from store.database import Database
from store.filing import Flagged

RECENT: Final = 16
FOLDERS_REMEMBERED: Final = 10_000  # of which is known what was told; the rows know of the others


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Snapshot:
    """`changed`: the mails whose MODSEQ is above `since`. Never changed once made; nor is `uids` by anyone."""

    folder_id: int
    modseq: int
    uids: array[int]
    since: int
    changed: tuple[Flagged, ...]


class Snapshots:
    """The last snapshot of each folder that a session of this process has selected."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last: WeakValueDictionary[int, Snapshot] = WeakValueDictionary()
        self._recent: deque[Snapshot] = deque(maxlen=RECENT)
        self._told: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()

    def first_to_tell(self, folder_id: int, upto: int) -> bool:
        """Whether no session of this process was told yet of the mails below this UID; they count as told then."""
        with self._lock:
            if self._told.get(folder_id, 0) >= upto:
                return False
            self._told[folder_id] = upto
            self._told.move_to_end(folder_id)
            if len(self._told) > FOLDERS_REMEMBERED:
                self._told.popitem(last=False)
            return True

    def current(self, folder_id: int) -> Snapshot:
        """The folder as it is now; without mails where it was deleted."""
        with self._lock:
            last = self._last.get(folder_id)
        with self._database.read() as tx:
            folder = folders.by_id(tx, folder_id)
            if folder is None:
                return _gone(folder_id, last)
            if last is not None and last.modseq == folder.highestmodseq:
                return last
            since = folder.highestmodseq if last is None else last.modseq
            changed = () if last is None else tuple(filing.flags_since(tx, folder_id, since))
            snapshot = Snapshot(folder_id, folder.highestmodseq, filing.uids_of(tx, folder_id), since, changed)
        with self._lock:
            newer = self._last.get(folder_id)
            if newer is None or newer.modseq < snapshot.modseq:
                self._last[folder_id] = snapshot
                self._recent.append(snapshot)
        return snapshot

    def changed_since(self, snapshot: Snapshot, modseq: int) -> tuple[Flagged, ...]:
        """The mails of `snapshot` whose MODSEQ is above `modseq`."""
        if modseq == snapshot.since:
            return snapshot.changed
        if modseq >= snapshot.modseq:
            return ()
        with self._database.read() as tx:
            return tuple(filing.flags_since(tx, snapshot.folder_id, modseq))


def _gone(folder_id: int, last: Snapshot | None) -> Snapshot:
    modseq = 0 if last is None else last.modseq
    return Snapshot(folder_id, modseq, array("I"), modseq, ())
