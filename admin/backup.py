"""`mailloft backup DEST`: everything that a machine needs to be this one again, taken while it works.

A backup is a folder DEST/mailloft-<UTC time>: the three databases, the files of the spool, the keys and what the first
start chose, and manifest.json with the size and SHA-256 of each file and the rows of each table. `mail` is copied
before `core`: what the sorter did between the two is done once more after a restore, and each of its steps may be. The
spool is gone over before the databases and again after them, so that every file that a copied row names is there.
It holds the keys, so it is as secret as the machine: 0700.
Crash case: until it is whole and on disk the folder's name ends in .partial; the next backup removes it.
Raises BackupError, CopyError.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from admin import keepsakes
from admin.keepsakes import Whereabouts
from store import copying
from store.fsync import sync, sync_tree

ORDER: Final = ("mail", "core", "events")
KEPT: Final = (
    "master.key", "signing.key", "signing.pub", "keepsakes.json", "ca.pem", "ca.key", "server.pem", "server.key",
)  # fmt: skip
MANIFEST: Final = "manifest.json"
LAST: Final = "backup.json"
_PARTIAL: Final = ".partial"
_NAMED: Final = re.compile(r"mailloft-\d{8}T\d{6}Z")
_GROUP_TOO: Final = 0o640  # the clock, a user of its own, tells how old it is
_BLOCK: Final = 1 << 20

Told = Callable[[str, int, int], None]  # what is copied, how far, of how much


class BackupError(Exception):
    """A backup that cannot be made, or is not whole; the text names where and the mend."""


class File(msgspec.Struct, frozen=True):
    """`path` within the backup."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`database` says of which engine the copies are: "sqlite" or "postgresql"; `rows` by database and table."""

    version: str
    made_at: datetime
    database: str
    hostname: str
    files: list[File]
    rows: dict[str, dict[str, int]]


class LastBackup(msgspec.Struct, frozen=True):
    """What DIR/backup.json says of the last whole one, for `mailloft doctor`."""

    made_at: datetime
    where: str
    size_bytes: int


def back_up(folder: Path, where: Whereabouts, destination: Path, now: datetime, told: Told) -> Path:
    """The folder of the whole backup. `destination` is made where it is absent."""
    destination.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in destination.glob(f"mailloft-*{_PARTIAL}"):
        shutil.rmtree(left)
    made = destination / f"mailloft-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    if made.exists():
        raise BackupError(f"{made}: a backup of this second is there already")
    partial = made.with_name(made.name + _PARTIAL)
    partial.mkdir(mode=0o700)
    rows = _copy_all(folder, where, partial, told)
    files = [_described(file, partial) for file in sorted(_files(partial))]
    engine = "postgresql" if copying.file_name("core", where.database) == "core.dump" else "sqlite"
    manifest = Manifest(version("mailloft"), now, engine, where.hostname, files, rows)
    keepsakes.replace(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    sync_tree(partial)
    partial.rename(made)
    sync(destination)
    last = LastBackup(now, str(made), sum(file.size_bytes for file in files))
    keepsakes.replace(folder / LAST, msgspec.json.encode(last) + b"\n", _GROUP_TOO)
    return made


def prune(destination: Path, keep: int) -> list[Path]:
    """Remove the whole backups in `destination` but for the `keep` newest (at least 1); what was removed.

    The name is the age. Crash case: one that is half removed has no manifest, is no backup, and goes the next time.
    """
    found = sorted(folder for folder in destination.glob("mailloft-*Z") if _NAMED.fullmatch(folder.name))
    whole = [folder for folder in found if (folder / MANIFEST).is_file()]
    oldest_kept = whole[-max(1, keep) :][:1]
    gone = [folder for folder in found if oldest_kept and folder < oldest_kept[0]]
    for folder in gone:
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder)
    return gone


def last_of(folder: Path) -> LastBackup | None:
    """Raises KeepsakeError where the file is damaged."""
    return keepsakes.read(folder / LAST, LastBackup)


def read_manifest(backup: Path) -> Manifest:
    try:
        return msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise BackupError(f"{backup}: no backup; it is a folder mailloft-<time> with a {MANIFEST}") from error
    except msgspec.DecodeError as error:
        raise BackupError(f"{backup / MANIFEST}: damaged: {error}. Take another backup.") from error


def verify(backup: Path, manifest: Manifest, told: Told) -> None:
    """Every file as it was written. Raises BackupError, which names the first that is not."""
    done, total = 0, sum(file.size_bytes for file in manifest.files)
    for file in manifest.files:
        path = backup / file.path
        if not path.is_file():
            raise BackupError(f"{path}: missing from the backup. Take another one.")
        if _described(path, backup) != file:
            raise BackupError(f"{path}: not what was written when the backup was made. Take another one.")
        done += file.size_bytes
        told("verify", done, total)


def _copy_all(folder: Path, where: Whereabouts, target: Path, told: Told) -> dict[str, dict[str, int]]:
    spool = Path(where.spool)
    _copy_spool(spool, target / "spool", told)
    rows = {
        name: copying.copy(
            name, where.database, target / copying.file_name(name, where.database),
            lambda done, of, name=name: told(name, done, of),  # type: ignore[misc]  # a lambda's default has no type
        )
        for name in ORDER
    }  # fmt: skip
    _copy_spool(spool, target / "spool", told)
    for name in KEPT:
        if (folder / name).exists():
            shutil.copyfile(folder / name, target / name)
            (target / name).chmod(0o600)
    return rows


def _copy_spool(spool: Path, target: Path, told: Told) -> None:
    """The files that are not there yet; one that goes meanwhile belongs to no row any more."""
    files = [file for file in spool.glob("*/*") if file.is_file()]
    for done, file in enumerate(files, 1):
        copied = target / file.parent.name / file.name
        if not copied.exists():
            copied.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(file, copied)
            except FileNotFoundError:
                continue
        told("spool", done, len(files))


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def _described(file: Path, root: Path) -> File:
    digest = hashlib.sha256()
    with file.open("rb") as reading:
        while block := reading.read(_BLOCK):
            digest.update(block)
    return File(str(file.relative_to(root)), file.stat().st_size, digest.hexdigest())
