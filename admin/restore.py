"""`mailloft restore SRC`: a backup becomes the appliance of an empty DIR again.

What happened after the backup was made is not known here, so nothing goes out by itself: queued rows are held and
campaigns that run or fall due are paused, since they may have been sent since (`mailloft queue release --all`,
`mailloft campaign resume`, say so when they were not). Every folder gets a new UIDVALIDITY, so that no mail program
takes a new message for one that it knew under the same UID. `put_aside` moves an appliance that is there out of the way
first, for a machine whose roles stand still; nothing of it is removed.
What was put back is on the disk when it is done. Crash case: DIR has a mark from before the first row until all that is
done (admin/keepsakes.py), and nothing starts while it has: rows may be there that are not held yet. The command with
`--aside` begins anew. Raises BackupError, CopyError, SettingsError.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from admin import keepsakes
from admin.acts import queue
from admin.acts.queue import Asked
from admin.backup import KEPT, LAST, ORDER, BackupError, Told, read_manifest, verify
from admin.keepsakes import RESTORING, Whereabouts
from admin.office import Office
from admin.seat import open_office
from store import campaigns, copying, folders, migrate, workers
from store.campaigns import CampaignState
from store.database import is_postgresql
from store.fsync import sync, sync_tree

_WHY: Final = "restored from a backup: what was sent since is not known here"
_LAST_TO_COME: Final = "keepsakes.json"


@dataclass(frozen=True, slots=True)
class Restored:
    """`rows` by database and table, as many as the backup said; `held` rows of the queue, `paused` campaigns."""

    made_at: datetime
    rows: dict[str, dict[str, int]]
    files: int
    held: int
    paused: int


def restore(backup: Path, folder: Path, where: Whereabouts, now: datetime, told: Told) -> Restored:
    """`where` is where the new appliance keeps its rows and bytes."""
    manifest = read_manifest(backup)
    _refuse_unfit(folder, where, manifest.database)
    verify(backup, manifest, told)
    keepsakes.replace(folder / RESTORING, f"{backup}\n".encode())
    rows = {}
    for done, name in enumerate(ORDER, 1):
        rows[name] = copying.put_back(name, where.database, backup / copying.file_name(name, where.database))
        told("databases", done, len(ORDER))
    if rows != manifest.rows:
        raise BackupError(
            f"{backup}: the tables have other counts than the backup said: {_differences(rows, manifest.rows)}"
        )
    files = _put_spool_back(backup / "spool", Path(where.spool))
    migrate.upgrade(where.database)
    for name in KEPT:
        if name != _LAST_TO_COME and (backup / name).exists():
            keepsakes.replace(folder / name, (backup / name).read_bytes())
    keepsakes.save_whereabouts(folder, where)
    held, paused = _stop_everything(folder, where, now)
    keepsakes.replace(folder / _LAST_TO_COME, (backup / _LAST_TO_COME).read_bytes())
    _give_to_the_owner_of(folder)
    (folder / RESTORING).unlink()
    sync(folder)
    return Restored(manifest.made_at, rows, files, held, paused)


def put_aside(folder: Path, where: Whereabouts, now: datetime) -> Path:
    """Rows, spool, keys and keepsakes of the appliance in `folder`, into DIR/aside-<UTC time>, which is the answer.

    Nothing starts on what is left, should this be killed.
    """
    aside = folder / f"aside-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    keepsakes.replace(folder / RESTORING, f"{aside}\n".encode())
    copying.put_aside(where.database, aside)
    if Path(where.spool).exists():
        shutil.move(where.spool, aside / "spool")
    for name in (*KEPT, LAST):
        if (folder / name).exists():
            (folder / name).rename(aside / name)
    sync_tree(aside)
    return aside


def _refuse_unfit(folder: Path, where: Whereabouts, engine: str) -> None:
    wanted = "postgresql" if is_postgresql(where.database) else "sqlite"
    if engine != wanted:
        raise BackupError(
            f"the backup is of {engine}, and [storage] database here is {wanted}. Set it to the same engine."
        )
    if (folder / _LAST_TO_COME).exists() or (wanted == "sqlite" and (Path(where.database) / "core.db").exists()):
        what = "a restore was broken off here" if (folder / RESTORING).exists() else "an appliance is here already"
        raise BackupError(f"--dir {folder}: {what}. Restore into an empty DIR, or with --aside.")


def _put_spool_back(source: Path, spool: Path) -> int:
    files = [file for file in source.glob("*/*") if file.is_file()] if source.exists() else []
    for file in files:
        target = spool / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    if files:
        sync_tree(spool)
    return len(files)


def _give_to_the_owner_of(folder: Path) -> None:
    """What root has put back, so that the roles can use it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        for path in folder.rglob("*"):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _differences(found: dict[str, dict[str, int]], said: dict[str, dict[str, int]]) -> str:
    return ", ".join(
        f"{name}.{table} {found[name].get(table)} instead of {number}"
        for name, tables in said.items()
        for table, number in tables.items()
        if found[name].get(table) != number
    )


def _stop_everything(folder: Path, where: Whereabouts, now: datetime) -> tuple[int, int]:
    office = open_office(folder, where, threads=False)
    try:
        # The senders of the old machine hold nothing here.
        office.write(lambda tx: workers.bury_all(tx, now))
        paused = _pause_campaigns(office, now)
        held = 0
        for progress in queue.act(office, "hold", Asked(None, everything=True)):
            held = progress.changed
        with office.stores.mail.database.write() as mail:
            folders.renew_uidvalidity(mail, now)
        return held, paused
    finally:
        office.stores.close()


def _pause_campaigns(office: Office, now: datetime) -> int:
    """Those that run, and those whose time came between the backup and now."""
    with office.read() as connection:
        found = campaigns.in_states(connection, (CampaignState.RUNNING, CampaignState.SCHEDULED))
    stale = [one.id for one in found if one.state is CampaignState.RUNNING or (one.due_at and one.due_at <= now)]
    return sum(office.write(lambda tx, one=one: campaigns.move(tx, one, CampaignState.PAUSED, _WHY)) for one in stale)  # type: ignore[misc]  # a lambda's default has no type
