"""Writes a mailbox into files that other programs read and `mailloft mailbox import` reads back to the same octets.

A Maildir (Maildir++) has INBOX at its root and each folder beside it; each mail is a file whose name is the same in
every run, so that a second run writes only what is new and follows the flags. An mbox folder has a file of each folder,
written anew beside the old one and then renamed. Nothing is removed. Crash case: killed, the next run goes on.
Raises ExportError naming the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from admin.letters import Tally
from admin.office import Office
from mail import maildir, mbox
from store import mail_scan, mailbox_contents
from store.folders import INBOX, SEPARATOR, Folder
from store.mailbox_contents import Held
from store.spool import Spool

_BATCH: Final = 50
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class ExportError(Exception):
    """A file cannot be written."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Of the folders of one mailbox, into `destination`."""

    office: Office
    spool: Spool
    destination: Path

    def into_maildir(self, folder: Folder) -> Iterator[Tally]:
        """How far it is after each batch; the last tally is the whole one. `known`: those that lay there before."""
        directory = self.destination
        if folder.name != INBOX:
            directory /= maildir.directory_of(folder.name, SEPARATOR)
        try:
            yield from self._fill(directory, folder)
        except OSError as error:
            raise ExportError(f"{error.filename or directory}: {error.strerror}") from error

    def into_mbox(self, folder: Folder) -> Iterator[Tally]:
        levels = [quote(level, safe=" +,=@()&") for level in folder.name.split(SEPARATOR)]
        file = self.destination.joinpath(*levels[:-1], f"{levels[-1]}.mbox")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            yield from self._write(file, folder)
        except OSError as error:
            raise ExportError(f"{error.filename or file}: {error.strerror}") from error

    # --- mbox ---------------------------------------------------------------------------------------------

    def _write(self, file: Path, folder: Folder) -> Iterator[Tally]:
        beside, tally = file.with_name(f"{file.name}.new"), Tally(folder.name)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            for held in self._mails(folder):
                octets = self.spool.get(held.blob, held.file)
                stream.write(mbox.written(octets, held.flags, held.date))
                tally = _counted(tally, octets)
                if tally.found % _BATCH == 0:
                    yield tally
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
        yield tally

    # --- Maildir ------------------------------------------------------------------------------------------

    def _fill(self, directory: Path, folder: Folder) -> Iterator[Tally]:
        for part in ("cur", "new", "tmp"):
            (directory / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        numbers = self._numbered(directory, folder)
        written = {entry.name.partition(",")[0]: entry.name for entry in (directory / "cur").iterdir()}
        tally = Tally(folder.name)
        for held in self._mails(folder):
            octets = self.spool.get(held.blob, held.file)
            content = maildir.content_of(octets)
            base = f"{int(held.date.timestamp())}.V{folder.uidvalidity}U{held.uid}.{self.office.hostname}"
            sizes = f",S={len(content)},W={len(octets)}"
            name = f"{base}{sizes}:2,{maildir.letters_of(held.flags, numbers)}"
            before = written.get(base)
            if before is None:
                _place(directory, name, content, held.date)
            elif before != name:
                (directory / "cur" / before).rename(directory / "cur" / name)
            tally = _counted(tally, octets, known=before is not None)
            if tally.found % _BATCH == 0:
                yield tally
        yield tally

    def _numbered(self, directory: Path, folder: Folder) -> dict[str, int]:
        """The keywords of the folder that have a letter; those that the file names keep theirs."""
        file = directory / maildir.KEYWORDS_FILE
        before = maildir.keywords_of(file.read_text("utf-8", "replace")) if file.is_file() else []
        with self.office.stores.mail.database.read() as tx:
            in_use = sorted(flag for flag in mail_scan.overview(tx, folder.id).keywords if maildir.is_keyword(flag))
        named = before + [flag for flag in in_use if flag not in before]
        numbers = {flag: number for number, flag in enumerate(named[: maildir.KEYWORDS]) if flag}
        if numbers:
            file.write_text(maildir.keywords_text(numbers), "utf-8")
        return numbers

    def _mails(self, folder: Folder) -> Iterator[Held]:
        database = self.office.stores.mail.database
        with database.read() as tx:
            uids = mail_scan.uids_of(tx, folder.id)
        for start in range(0, len(uids), _BATCH):
            with database.read() as tx:
                found = mailbox_contents.held(tx, folder.id, uids[start : start + _BATCH])
            yield from found


def _counted(tally: Tally, octets: bytes, *, known: bool = False) -> Tally:
    return replace(
        tally, found=tally.found + 1, filed=tally.filed + (not known), known=tally.known + known,
        octets=tally.octets + len(octets),
    )  # fmt: skip


def _place(directory: Path, name: str, content: bytes, date: datetime) -> None:
    """Through `tmp`, so that nobody sees half a mail; its time is the mail's."""
    beside = directory / "tmp" / name.partition(":")[0]
    nanoseconds = (date - _EPOCH) // timedelta(microseconds=1) * 1000
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.utime(beside, ns=(nanoseconds, nanoseconds))
    beside.rename(directory / "cur" / name)
