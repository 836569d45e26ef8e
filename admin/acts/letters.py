"""Mails into a mailbox from files, and out of it into files (PRODUCT M1). Long: the caller shows how far it is.

A mailbox of another project is not found. Raises NotFoundError, InvalidError and ConflictError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from admin.acts.mailboxes import address_of
from admin.foreign_imap import Account, ForeignError
from admin.letter_export import Exporter, ExportError
from admin.letter_files import LetterFileError, Reading, bags
from admin.letter_intake import Intake, IntakeError
from admin.letters import Moved, Tally, Unfit
from admin.migrating import Migration
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from admin.steady_imap import steadily
from mail.mbox import Quoting
from policy.folder_mapping import Mapped
from store import folders, mailboxes
from store.folders import INBOX, SEPARATOR
from store.mailboxes import Mailbox
from store.spool import Spool

Seen = Callable[[Tally], None]


@dataclass(slots=True)
class Proof:
    """What became of the letters, folder by folder; `unfit` are those that were refused, each with its reason."""

    address: str
    folders: list[Tally] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every letter is where it should be."""
        return not self.unfit and not any(tally.missing or tally.refused for tally in self.folders)


@dataclass(slots=True)
class MigrationProof:
    """As Proof; `left_out` are folders there that hold no mails of their own."""

    address: str
    source: str
    folders: list[Moved] = field(default_factory=list)
    left_out: list[Mapped] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not any(
            one.refused_before
            or one.tally.refused
            or one.tally.missing
            or one.elsewhere != one.before + one.tally.found
            for one in self.folders
        )


def bring(
    office: Office, project: int, address: str, path: Path, folder: str | None, quoting: Quoting, seen: Seen
) -> Proof:
    """Everything in the files; `seen` hears after each batch. What was brought before is left out."""
    mailbox, spool = mailbox_of(office, project, address), spool_of(office)
    reading = Reading(office.settings.limits.message_bytes, quoting, _folder_name(folder))
    proof = Proof(mailbox.address)
    try:
        for bag in bags(path, reading):
            intake = Intake(office, spool, mailbox, bag.folder)
            _follow(intake.bring(bag.letters), proof, seen)
            proof.unfit += intake.unfit
    except (LetterFileError, IntakeError) as error:
        raise _stopped(error, proof) from error
    return proof


def take_out(office: Office, project: int, address: str, destination: Path, *, mbox: bool, seen: Seen) -> Proof:
    """Every folder of the mailbox into files below `destination`; what lies there from an earlier run stays."""
    mailbox = mailbox_of(office, project, address)
    exporter = Exporter(office, spool_of(office), destination)
    with office.stores.mail.database.read() as tx:
        found = folders.all_of(tx, mailbox.id)
    proof = Proof(mailbox.address)
    try:
        destination.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in found:
            _follow(exporter.into_mbox(folder) if mbox else exporter.into_maildir(folder), proof, seen)
    except OSError as error:
        raise InvalidError(f"{destination}: {error.strerror}") from error
    except ExportError as error:
        raise _stopped(error, proof) from error
    return proof


def migrate(
    office: Office,
    project: int,
    address: str,
    account: Account,
    seen: Seen,
    pause: Callable[[float], object] = time.sleep,
) -> MigrationProof:
    """Everything of another server's mailbox; a second run takes only what is new there.

    `pause` waits so many seconds before a lost connection is made again.
    """
    mailbox = mailbox_of(office, project, address)
    proof = MigrationProof(mailbox.address, account.source)
    try:
        with steadily(account, pause) as foreign:
            migration = Migration(office, spool_of(office), mailbox, account, foreign)
            for folder in migration.folders():
                if folder.here is None:
                    proof.left_out.append(folder)
                    continue
                moved = None
                for moved in migration.bring(folder.name, folder.here, proof.unfit):
                    seen(moved.tally)
                proof.folders += [moved] if moved else []
    except (ForeignError, IntakeError) as error:
        raise ConflictError(f"{error}. What was brought stays; run this again to go on") from error
    return proof


def mailbox_of(office: Office, project: int, address: str) -> Mailbox:
    """Raises NotFoundError."""
    parsed = address_of(address)
    with office.read() as connection:
        found = mailboxes.by_address(connection, parsed.normalised)
    if found is None or found.project_id != project:
        raise NotFoundError(f"this project has no mailbox {parsed}")
    return found


def spool_of(office: Office) -> Spool:
    return Spool(office.uploads.parent)


def _folder_name(text: str | None) -> str | None:
    if text is None:
        return None
    name = text.strip().strip(SEPARATOR)
    return INBOX if name.upper() == INBOX else name


def _follow(tallies: Iterator[Tally], proof: Proof, seen: Seen) -> None:
    last: Tally | None = None
    for tally in tallies:
        seen(tally)
        last = tally
    if last is not None:
        proof.folders.append(last)


def _stopped(error: Exception, proof: Proof) -> ConflictError:
    done = sum(tally.filed for tally in proof.folders)
    return ConflictError(str(error), {"folders_finished": len(proof.folders), "mails_of_them": done})
