"""Brings a mailbox of another IMAP server into one of ours: folders, mails, flags and dates; it stays as it is there.

How far each folder was read is saved with each batch, so a run that was stopped goes on, and a later one takes only
what is new; mails that are gone there stay here. Where the other server has a new UIDVALIDITY, and at the first run,
what the folder holds already is told by its octets. Called by admin/acts/letters. Raises ForeignError and IntakeError.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from admin.foreign_imap import Account
from admin.letter_intake import Intake
from admin.letters import Letter, Moved, Unfit
from admin.office import Office
from admin.steady_imap import SteadyImap
from policy.folder_mapping import Mapped, mapped
from store import folders, migrated
from store.mailboxes import Mailbox
from store.migrated import Place, Reached
from store.spool import Spool

_ASKED: Final = 500  # sizes at once
_TOGETHER: Final = 50  # mails of one FETCH
_OCTETS: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Migration:
    office: Office
    spool: Spool
    mailbox: Mailbox
    account: Account
    foreign: SteadyImap

    def folders(self) -> list[Mapped]:
        """What becomes of each folder there."""
        mailbox, now = self.mailbox.id, self.office.now()
        self.office.stores.mail.journal.run(lambda tx: folders.ensure_folders(tx, mailbox, now))
        with self.office.stores.mail.database.read() as tx:
            uses = {one.special_use: one.name for one in folders.all_of(tx, mailbox) if one.special_use}
        return mapped(self.foreign.folders(), self.foreign.prefix(), uses)

    def bring(self, source: str, here: str, unfit: list[Unfit]) -> Iterator[Moved]:
        """How far it is after each batch; the last is the whole. `unfit` gets those that were not taken."""
        uidvalidity, uids = self.foreign.examine(source)
        place = Place(self.mailbox.id, self.account.source, source)
        with self.office.stores.mail.database.read() as tx:
            before = migrated.reached(tx, place, uidvalidity)
        far = before or Reached(0, 0)
        new = [uid for uid in uids if uid > far.last_uid]
        intake = Intake(self.office, self.spool, self.mailbox, here, all_new=before is not None)
        save = partial(_save, place, uidvalidity, far, intake.unfit)
        try:
            for tally in intake.bring(self._letters(source, new), save):
                yield Moved(source, len(uids), len(uids) - len(new), far.refused, tally)
        finally:
            unfit += intake.unfit

    def _letters(self, folder: str, uids: Sequence[int]) -> Iterator[Letter | Unfit]:
        limit = self.office.settings.limits.message_bytes
        for start in range(0, len(uids), _ASKED):
            asked = uids[start : start + _ASKED]
            sizes = self.foreign.sizes(asked)
            for group in _groups(asked, sizes, limit):
                got = self.foreign.mails([uid for uid in group if sizes.get(uid, 0) <= limit])
                for uid in group:
                    place, mail = f"{folder}, UID {uid}", got.get(uid)
                    if max(sizes.get(uid, 0), len(mail.octets) if mail else 0) > limit:
                        yield Unfit(place, f"larger than the {limit} octets of [limits] message_bytes", uid)
                    elif mail is None:
                        yield Unfit(place, "the other server did not give it; it may be gone there", uid)
                    else:
                        yield Letter(place, mail.octets, mail.flags, mail.date, uid)


def _save(place: Place, uidvalidity: int, before: Reached, unfit: Sequence[Unfit], tx: Any, reached: int) -> None:
    refused = before.refused + sum(one.number <= reached for one in unfit)
    migrated.save(tx, place, uidvalidity, Reached(max(before.last_uid, reached), refused))


def _groups(uids: Sequence[int], sizes: dict[int, int], limit: int) -> Iterator[list[int]]:
    """In their order, as many as one FETCH may bring; one that is too large costs nothing."""
    group, octets = list[int](), 0
    for uid in uids:
        size = sizes.get(uid, 0) if sizes.get(uid, 0) <= limit else 0
        if group and (len(group) >= _TOGETHER or octets + size > _OCTETS):
            yield group
            group, octets = [], 0
        group.append(uid)
        octets += size
    if group:
        yield group
