"""Letters in files: an mbox, a Maildir with its subfolders (Maildir++ or folders in folders), a folder of mboxes.

Whoever imports reads them lazily, one at a time. Symbolic links and what is no plain file are passed over: an import
by the operator must not read what its sender could not. Raises LetterFileError naming the file and the octet.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote

from admin.letters import Bag, Letter, Unfit
from mail import maildir, mbox
from mail.mbox import MboxError, Quoting
from store.folders import INBOX, SEPARATOR

_MBOX: Final = ".mbox"
_THUNDERBIRD: Final = ".sbd"  # beside the file X, the folder X.sbd has its subfolders
_DEEPEST: Final = 40
_MOST_FOLDERS: Final = 1000


class LetterFileError(Exception):
    """These are no letters, or they cannot be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`folder`: where the root goes, the others below it; None: INBOX, the others by their own names."""

    limit: int
    quoting: Quoting
    folder: str | None

    def named(self, name: str) -> str:
        """Where a folder of that name goes; empty is the root."""
        if self.folder is None:
            return INBOX if not name or name.upper() == INBOX else name
        return f"{self.folder}{SEPARATOR}{name}" if name and name.upper() != INBOX else self.folder


def bags(path: Path, reading: Reading) -> list[Bag]:
    """One of each folder, by name. Raises LetterFileError where nothing is found."""
    if path.is_file():
        return [_mbox_bag(path, "", reading)]
    if not path.is_dir():
        raise LetterFileError(f"{path}: there is no such file or folder")
    found = list(_maildirs(path, reading)) or list(_mboxes(path, reading))
    if not found:
        raise LetterFileError(f"{path}: neither a Maildir (a folder with `cur` and `new`) nor mbox files are in it")
    if len(found) > _MOST_FOLDERS:
        raise LetterFileError(f"{path}: {len(found)} folders; a mailbox has at most {_MOST_FOLDERS}")
    return sorted(found, key=lambda bag: (bag.folder != INBOX, bag.folder))


# --- mbox -----------------------------------------------------------------------------------------------------


def _mboxes(root: Path, reading: Reading) -> Iterator[Bag]:
    for file in _plain_files(root, 0):
        if file.name.endswith(_MBOX) or _begins_as_mbox(file):
            levels = [_mbox_level(piece) for piece in file.relative_to(root).parts]
            yield _mbox_bag(file, SEPARATOR.join(levels), reading)


def _mbox_level(piece: str) -> str:
    if piece.endswith(_MBOX):
        return unquote(piece.removesuffix(_MBOX))
    return unquote(piece.removesuffix(_THUNDERBIRD))


def _begins_as_mbox(file: Path) -> bool:
    with _opened(file) as stream:
        return stream.read(5) == b"From "


def _mbox_bag(file: Path, name: str, reading: Reading) -> Bag:
    return Bag(reading.named(name), file.lstat().st_size, _mbox_letters(file, reading))


def _mbox_letters(file: Path, reading: Reading) -> Iterator[Letter | Unfit]:
    with _opened(file) as stream:
        try:
            for found in mbox.mails(stream, reading.limit, reading.quoting):
                place = f"{file}, octet {found.at}"
                if found.octets is None:
                    yield _too_large(place, found.size, reading.limit)
                else:
                    yield Letter(place, found.octets, found.flags, found.date)
        except MboxError as error:
            raise LetterFileError(f"{file}, octet {error.at}: {error}") from error
        except OSError as error:
            raise LetterFileError(f"{file}: cannot be read: {error.strerror}") from error


# --- Maildir --------------------------------------------------------------------------------------------------


def _maildirs(root: Path, reading: Reading) -> Iterator[Bag]:
    for folder in [root, *_folders(root, 0)]:
        if (folder / "cur").is_dir() and (folder / "new").is_dir():
            name = str(folder.relative_to(root)) if folder != root else ""
            if name.startswith(".") and SEPARATOR not in name:
                name = maildir.folder_of(name, SEPARATOR)
            yield _maildir_bag(folder, reading.named(name), reading)


def _maildir_bag(folder: Path, name: str, reading: Reading) -> Bag:
    files = [file for part in ("cur", "new") for file in _entries(folder / part) if _is_plain(file)]
    return Bag(name, sum(file.lstat().st_size for file in files), _maildir_letters(folder, sorted(files), reading))


def _maildir_letters(folder: Path, files: list[Path], reading: Reading) -> Iterator[Letter | Unfit]:
    keywords = _keywords(folder)
    for file in files:
        try:
            with _opened(file) as stream:
                told = os.fstat(stream.fileno())
                if told.st_size > reading.limit:
                    yield _too_large(str(file), told.st_size, reading.limit)
                    continue
                content = stream.read(reading.limit + 1)
        except LetterFileError as error:
            yield Unfit(str(file), str(error))
            continue
        # Counted in microseconds, as rows keep it; a float would be off by one now and then.
        at = datetime.fromtimestamp(told.st_mtime_ns // 10**9, UTC).replace(
            microsecond=told.st_mtime_ns % 10**9 // 1000
        )
        flags = maildir.flags_of(file.name, keywords) if file.parent.name == "cur" else ()
        yield Letter(str(file), maildir.octets_of(content, file.name), flags, at)


def _keywords(folder: Path) -> list[str]:
    file = folder / maildir.KEYWORDS_FILE
    if not _is_plain(file):
        return []
    with _opened(file) as stream:
        return maildir.keywords_of(stream.read(64 * 1024).decode("utf-8", "replace"))


# --- files ----------------------------------------------------------------------------------------------------


def _too_large(place: str, size: int, limit: int) -> Unfit:
    return Unfit(place, f"{size} octets; a mail may have {limit} ([limits] message_bytes)")


def _opened(file: Path) -> BinaryIO:
    """A plain file, never a link, a pipe or a device. Raises LetterFileError."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise LetterFileError(f"{file}: cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise LetterFileError(f"{file}: no plain file")
    return os.fdopen(descriptor, "rb")


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _folders(root: Path, depth: int) -> Iterator[Path]:
    """All below it, but for those of a Maildir itself."""
    for entry in _entries(root):
        if entry.is_dir() and not entry.is_symlink() and entry.name not in ("cur", "new", "tmp") and depth < _DEEPEST:
            yield entry
            yield from _folders(entry, depth + 1)


def _plain_files(root: Path, depth: int) -> Iterator[Path]:
    for entry in _entries(root):
        if _is_plain(entry):
            yield entry
        elif entry.is_dir() and not entry.is_symlink() and depth < _DEEPEST:
            yield from _plain_files(entry, depth + 1)
