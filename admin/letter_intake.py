"""Files letters in a mailbox: bytes, flags and dates as they were, nothing twice, never over the quota.

Called by admin/acts/letters and admin/migrating. They are filed as mail that was put there, not as mail that came:
no rating changes, nothing is sent on. A batch is one transaction. Which letters were brought before is told by their
octets: what a folder holds n times is left out n times. Crash case: killed between two batches, the next run finds
those that are there and goes on. Raises IntakeError, which names the letter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from admin.letters import Letter, Tally, Unfit
from admin.office import Office
from mail.mime_index import Indexed, index
from store import mail_flags, mail_scan, mailbox_contents, quota
from store.disk import is_full
from store.folders import INBOX, SEPARATOR, Folder
from store.mailbox_contents import Kept
from store.mailboxes import Mailbox
from store.spool import Spool

_BATCH: Final = 50
_BATCH_OCTETS: Final = 4 * 1024 * 1024
_NAME_LIMIT: Final = 200  # characters, levels: what IMAP clients may make
_DEPTH_LIMIT: Final = 20
_FLAG: Final = re.compile(r"[!#$&'+-\[\]^-z|}~]{1,100}")  # an atom that is no system flag
_SYSTEM: Final = frozenset(flag.lower() for flag in mail_flags.SYSTEM_FLAGS)

Also = Callable[[Any, int], None]  # what belongs into the transaction of a batch too; the last letter's number


class IntakeError(Exception):
    """Nothing more can be filed; what was filed stays."""


@dataclass(slots=True)
class Intake:
    """One folder of a mailbox that letters are brought into. `all_new`: none of them can be there yet."""

    office: Office
    spool: Spool
    mailbox: Mailbox
    name: str
    all_new: bool = False
    unfit: list[Unfit] = field(default_factory=list)

    def bring(self, letters: Iterable[Letter | Unfit], also: Also | None = None) -> Iterator[Tally]:
        """How far it is after each batch; the last one is the whole tally, compared with what the folder holds."""
        folder, tally = self._folder(), Tally(self.name)
        there = Counter[str]() if self.all_new else self._digests(folder)
        wanted, batch = Counter[str](), list[Kept]()
        reached = 0
        for letter in letters:
            tally = replace(tally, found=tally.found + 1)
            if isinstance(letter, Unfit):
                self.unfit.append(letter)
                tally, reached = replace(tally, refused=tally.refused + 1), letter.number
                continue
            indexed = index(letter.octets)
            wanted[indexed.email_id] += 1
            if wanted[indexed.email_id] <= there[indexed.email_id]:
                tally, reached = replace(tally, known=tally.known + 1), letter.number
                continue
            if self._is_over_quota(letter, batch):
                self._file(folder, batch, also, reached)
                raise self._over_quota(letter)
            reached = letter.number
            batch.append(self._kept(letter, indexed))
            tally = replace(tally, filed=tally.filed + 1, octets=tally.octets + len(letter.octets))
            if len(batch) >= _BATCH or sum(kept.stored.size_bytes for kept in batch) >= _BATCH_OCTETS:
                self._file(folder, batch, also, reached)
                batch = []
                yield tally
        self._file(folder, batch, also, reached)
        missing = Counter[str]() if self.all_new else wanted - self._digests(folder)
        yield replace(tally, missing=missing.total())

    def _folder(self) -> Folder:
        check_name(self.name)
        mailbox, now = self.mailbox.id, self.office.now()
        journal = self.office.stores.mail.journal
        return journal.run(lambda tx: mailbox_contents.ensure_folder(tx, mailbox, self.name, now))

    def _digests(self, folder: Folder) -> Counter[str]:
        database = self.office.stores.mail.database
        with database.read() as tx:
            uids = mail_scan.uids_of(tx, folder.id)
        found = Counter[str]()
        for start in range(0, len(uids), mail_scan.BATCH):
            with database.read() as tx:
                found += mailbox_contents.digests(tx, folder.id, uids[start : start + mail_scan.BATCH])
        return found

    def _is_over_quota(self, letter: Letter, batch: list[Kept]) -> bool:
        if self.mailbox.quota_bytes is None:
            return False
        waiting = sum(kept.stored.size_bytes for kept in batch)
        return self._used() + waiting + len(letter.octets) > self.mailbox.quota_bytes

    def _over_quota(self, letter: Letter) -> IntakeError:
        most = f"{self.mailbox.address} may hold {self.mailbox.quota_bytes} and holds {self._used()}"
        mend = "Raise its quota and run this again; what is there already is left out."
        return IntakeError(f"{letter.place}: {len(letter.octets)} octets do not fit: {most}. {mend}")

    def _used(self) -> int:
        with self.office.stores.mail.database.read() as tx:
            return quota.usage(tx, self.mailbox.id).octets

    def _kept(self, letter: Letter, indexed: Indexed) -> Kept:
        try:
            stored = self.spool.put(letter.octets)
        except OSError as error:
            words = "the disk is full" if is_full(error) else str(error)
            raise IntakeError(f"{letter.place}: cannot be kept: {words}") from error
        return Kept(stored, indexed, _clean(letter.flags), letter.date or self.office.now())

    def _file(self, folder: Folder, batch: list[Kept], also: Also | None, reached: int) -> None:
        now = self.office.now()

        def work(tx: Any) -> None:
            mailbox_contents.file_kept(tx, folder.id, batch, now)
            if also is not None:
                also(tx, reached)

        if batch or also is not None:
            self.office.stores.mail.journal.run(work)


def check_name(name: str) -> None:
    """Raises IntakeError for a folder that no mail program could make."""
    levels = name.split(SEPARATOR)
    if name != INBOX and (not all(levels) or not name.isprintable() or any(char in name for char in "*%\\")):
        raise IntakeError(f"folder {name[:200]!r}: empty levels, controls, backslash, * and % are no part of a name")
    if len(name) > _NAME_LIMIT or len(levels) > _DEPTH_LIMIT:
        raise IntakeError(f"folder {name[:200]!r}: a name has at most {_NAME_LIMIT} characters, {_DEPTH_LIMIT} levels")


def _clean(flags: Iterable[str]) -> tuple[str, ...]:
    """Those that IMAP knows as flags, as many as are kept of one mail."""
    kept = [flag for flag in flags if flag.lower() in _SYSTEM or _FLAG.fullmatch(flag)]
    while len(" ".join(kept)) > mail_flags.FLAGS_TOGETHER:
        kept.pop()
    return tuple(kept)
