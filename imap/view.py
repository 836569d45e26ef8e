"""A selected folder as one session has been told it: which mail has which number, and what is still to be said.

A client's numbers are the places in `uids`, which therefore changes only together with what is said: EXPUNGE or
VANISHED where that is allowed (RFC 3501 §7.4.1, RFC 7162 §3.2.10), EXISTS, FETCH of flags. Pure.
\\Recent is a range of UIDs of the session, no flag of a row: whoever is told of a mail first has it (§2.3.2).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from imap import wire_text
from imap.answer import MalformedError
from imap.snapshots import Snapshot
from imap.wire_cursor import SAVED, Range, SequenceSet
from store.flagging import Flagged, Flagging
from store.folders import Folder
from store.mail_flags import SYSTEM_FLAGS, keywords

KEYWORDS_TOLD: Final = 200
NOTHING_SAVED: Final = array("I")  # of all sessions, so never changed


@dataclass(frozen=True, slots=True)
class Style:
    """How a session wants to be told."""

    vanished: bool = False  # not EXPUNGE: QRESYNC is on
    modseqs: bool = False  # CONDSTORE is on


class View:
    __slots__ = ("_told", "folder", "keywords", "modseq", "read_only", "recent", "saved", "snapshot", "uids")

    def __init__(self, folder: Folder, snapshot: Snapshot, read_only: bool, recent: tuple[Range, ...] = ()) -> None:
        """`recent`: what is \\Recent here, as UIDs from the first to before the second."""
        self.folder = folder
        self.read_only = read_only
        self.snapshot = snapshot
        self.uids: array[int] = snapshot.uids
        self.modseq = snapshot.modseq
        self.keywords = snapshot.keywords  # that this session was told of
        self.recent = recent
        self.saved = NOTHING_SAVED  # UIDs of the last SEARCH that said SAVE (RFC 5182)
        self._told: dict[int, int] | None = None  # UID -> MODSEQ that this session's own STORE has answered

    def number_of(self, uid: int) -> int:
        """The sequence number of a UID that is here."""
        return bisect_left(self.uids, uid) + 1

    def holds(self, uid: int) -> bool:
        place = bisect_left(self.uids, uid)
        return place < len(self.uids) and self.uids[place] == uid

    def chosen(self, wanted: SequenceSet, are_uids: bool) -> list[int]:
        """The UIDs of a set, ascending. MalformedError for a number that no mail has."""
        if wanted == SAVED:
            return [uid for uid in self.saved if self.holds(uid)]
        slices = [self._slice_of_uids(*ends) if are_uids else self._slice_of_numbers(*ends) for ends in wanted]
        if len(slices) == 1:
            return list(self.uids[slices[0]])
        return sorted({uid for part in slices for uid in self.uids[part]})

    def is_recent(self, uid: int) -> bool:
        return any(low <= uid < end for low, end in self.recent)

    def recent_count(self) -> int:
        return sum(bisect_left(self.uids, end) - bisect_left(self.uids, low) for low, end in self.recent)

    def applicable_flags(self) -> bytes:
        """`* FLAGS` and PERMANENTFLAGS (RFC 3501 §7.2.6); a keyword once, however it is written on each mail."""
        flags = " ".join([*SYSTEM_FLAGS, *sorted(self._spellings().values())[:KEYWORDS_TOLD]]).encode()
        stay = b"" if self.read_only else flags + b" \\*"
        return b"* FLAGS (%b)\r\n* OK [PERMANENTFLAGS (%b)] flags that stay\r\n" % (flags, stay)

    def _spellings(self) -> dict[str, str]:
        return {keyword.lower(): keyword for keyword in sorted(self.keywords)}

    def introduced(self, flags: Iterable[str]) -> bytes:
        """`applicable_flags` once more before a FETCH with a keyword that the client was not told of."""
        fresh = keywords(flags) - self.keywords
        if not fresh:
            return b""
        known = self._spellings()
        fresh = frozenset(keyword for keyword in fresh if keyword.lower() not in known)
        self.keywords |= fresh
        return self.applicable_flags() if fresh else b""

    def spelled(self, flags: Iterable[str]) -> list[str]:
        """Flags of a STORE, keywords as they are written here already."""
        known = self._spellings()
        return [known.get(flag.lower(), flag) for flag in flags]

    def flags(self, mail: Flagged) -> bytes:
        """What FETCH FLAGS says of it."""
        recent = "\\Recent " if self.is_recent(mail.uid) else ""
        return wire_text.flags((recent + mail.flags).rstrip())

    def told(self, done: Flagging, silent: bool = False) -> None:
        """These flags were answered: `catch_up` does not repeat them. `silent`: the client knows of its change alone.

        What somebody else had changed before that is said all the same.
        """
        told = self._told or {}
        pairs = zip(done.changed, done.before, strict=True)
        known = {mail.uid: mail.modseq for mail, old in pairs if not silent or old <= told.get(mail.uid, self.modseq)}
        self._told = told | known

    def fresh(self, snapshot: Snapshot) -> array[int]:
        """What came since, that this session was not told of."""
        return snapshot.uids[bisect_right(snapshot.uids, self.uids[-1] if self.uids else 0) :]

    def catch_up(
        self, snapshot: Snapshot, changed: Sequence[Flagged], expunges: bool, style: Style = Style()
    ) -> Iterator[bytes]:
        """What to say so that the client's picture is `snapshot`'s; without EXPUNGE what vanished keeps its number.

        `changed`: the mails of `snapshot` above `self.modseq`.
        """
        before, recent = self.uids, self.recent_count()
        last = before[-1] if before else 0
        fresh = self.fresh(snapshot)
        if len(before) + len(fresh) == len(snapshot.uids):
            self.uids = snapshot.uids
        elif expunges:
            yield from _vanished(before, snapshot.uids) if style.vanished else _expunged(before, snapshot.uids)
            self.uids = snapshot.uids
        else:
            self.uids = before + fresh
        if known := self.introduced(mail.flags for mail in changed):
            yield known
        if fresh:
            yield b"* %d EXISTS\r\n" % len(self.uids)
        if self.recent_count() != recent:
            yield b"* %d RECENT\r\n" % self.recent_count()
        yield from self._flags(changed, last, style)
        self.snapshot, self.modseq = snapshot, snapshot.modseq
        self._told = None

    def _flags(self, changed: Iterable[Flagged], last: int, style: Style) -> Iterator[bytes]:
        told = self._told or {}
        for mail in changed:
            if mail.uid <= last and told.get(mail.uid) != mail.modseq and self.holds(mail.uid):
                modseq = b" MODSEQ (%d)" % mail.modseq if style.modseqs else b""
                number = self.number_of(mail.uid)
                yield b"* %d FETCH (UID %d FLAGS %b%b)\r\n" % (number, mail.uid, self.flags(mail), modseq)

    def _slice_of_uids(self, low: int, high: int) -> slice:
        largest = self.uids[-1] if self.uids else 0
        low, high = sorted((low or largest, high or largest))
        return slice(bisect_left(self.uids, low), bisect_right(self.uids, high))

    def _slice_of_numbers(self, low: int, high: int) -> slice:
        count = len(self.uids)
        if not count and 0 in (low, high):  # 1:* of nothing is nothing, as clients expect
            return slice(0, 0)
        low, high = sorted((low or count, high or count))
        if not 1 <= low <= high <= count:
            raise MalformedError(f"no mail has the number {high}: there are {count}")
        return slice(low - 1, high)


def _expunged(before: array[int], after: array[int]) -> Iterator[bytes]:
    """From the last to the first, so that no number shifts under another."""
    left = set(after)
    for place in range(len(before) - 1, -1, -1):
        if before[place] not in left:
            yield b"* %d EXPUNGE\r\n" % (place + 1)


def _vanished(before: array[int], after: array[int]) -> Iterator[bytes]:
    left = set(after)
    yield b"* VANISHED %b\r\n" % wire_text.uid_set(uid for uid in before if uid not in left)
