"""What a folder holds at one MODSEQ, read once per process and shared by all sessions that have it selected.

A list of UIDs for each of 500 sessions on a mailbox of 50,000 would be 900 MB; one array of four octets a mail is
200 kB. A snapshot lives as long as a session holds it, the RECENT last ones longer: folders are selected again.
Called from the threads in which commands run.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakValueDictionary

from store import flagging, folder_state, mail_flags, mail_scan, removal
from store.database import Database
from store.flagging import Flagged

RECENT: Final = 16
GONE: Final = 1000  # expunged mails, beyond which a folder is read anew
FOLDERS_REMEMBERED: Final = 10_000  # of which is known what was told; the rows know of the others


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Snapshot:
    """`changed`: the mails whose MODSEQ is above `since`. Never changed once made; nor is `uids` by anyone.

    `keywords`: those in use, and some that were.
    """

    folder_id: int
    modseq: int
    uids: array[int]
    since: int
    changed: tuple[Flagged, ...]
    keywords: frozenset[str] = frozenset()
    first_unseen: int | None = None


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
            modseq = folder_state.highestmodseq(tx, folder_id)
            if modseq is None:
                return _gone(folder_id, last)
            if last is not None and last.modseq == modseq:
                return last
            snapshot = _read(tx, folder_id, modseq, last)
        with self._lock:
            newer = self._last.get(folder_id)
            if newer is not None and newer.modseq >= snapshot.modseq:
                return newer
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
            return tuple(flagging.flags_since(tx, snapshot.folder_id, modseq))


def _read(tx: Any, folder_id: int, modseq: int, last: Snapshot | None) -> Snapshot:
    """From the last one and what happened since, where that is known; else all of it."""
    if last is not None:
        changed = tuple(flagging.flags_since(tx, folder_id, last.modseq))
        gone = removal.expunged_since(tx, folder_id, last.modseq)
        if gone is not None and len(gone) <= GONE:
            uids = _without(last.uids, gone)
            uids.extend(mail.uid for mail in changed if not last.uids or mail.uid > last.uids[-1])
            unseen = _first_unseen(tx, folder_id, last, changed, uids)
            kept = last.keywords | mail_flags.keywords(mail.flags for mail in changed)
            return Snapshot(folder_id, modseq, uids, last.modseq, changed, kept, unseen)
    found = mail_scan.overview(tx, folder_id)
    return Snapshot(folder_id, modseq, found.uids, modseq, (), found.keywords, found.first_unseen)


def _without(uids: array[int], gone: Sequence[int]) -> array[int]:
    """A copy."""
    left = uids[:]
    for uid in reversed(gone):
        place = bisect_left(left, uid)
        if place < len(left) and left[place] == uid:
            del left[place]
    return left


def _first_unseen(tx: Any, folder_id: int, last: Snapshot, changed: Sequence[Flagged], uids: array[int]) -> int | None:
    unseen = [mail.uid for mail in changed if mail_flags.SEEN not in mail.flags.split()]
    before = last.first_unseen
    if before is not None:
        place = bisect_left(uids, before)
        is_seen = any(mail.uid == before for mail in changed) and before not in unseen
        is_gone = place == len(uids) or uids[place] != before
        if is_seen or is_gone:
            before = mail_scan.first_unseen(tx, folder_id, before)
    return min(filter(None, (before, *unseen)), default=None)


def _gone(folder_id: int, last: Snapshot | None) -> Snapshot:
    modseq = 0 if last is None else last.modseq
    return Snapshot(folder_id, modseq, array("I"), modseq, ())
