"""`mailloft backup` and `mailloft restore`: with a progress bar on stderr, and what was done on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from admin import backup as backups
from admin import restore as restores
from admin.backup import BackupError, Told
from admin.cli.showing import show_one
from admin.keepsakes import Whereabouts, load_whereabouts
from admin.unit import GROUP_ALONE, settled
from store.copying import CopyError
from store.settings_file import environment, load


def back_up(folder: Path, destination: Path, keep: int | None, as_json: bool) -> int:
    """The exit status. Older backups go once the new one is whole."""
    where = load_whereabouts(folder)
    with _told() as told:
        try:
            made = backups.back_up(folder, where, destination.resolve(), datetime.now(UTC), told)
            gone = backups.prune(destination, keep) if keep is not None else []
        except (BackupError, CopyError, OSError) as error:
            return _failed("backup", error)
    manifest = backups.read_manifest(made)
    size = sum(file.size_bytes for file in manifest.files)
    shown = {"backup": str(made), "files": len(manifest.files), "size_bytes": size, "rows": _total(manifest.rows)}
    show_one(shown | {"removed": [str(one) for one in gone]}, as_json)
    return 0


def restore(source: Path, folder: Path, config: Path | None, aside: bool, as_json: bool) -> int:
    """The exit status. Without --config the appliance keeps everything in DIR, as `mailloft up` does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if config is not None:
        os.umask(GROUP_ALONE)
    try:
        where = _where(source, folder, config)
        if aside:
            backups.verify(source, backups.read_manifest(source), lambda _what, _done, _of: None)
            moved = restores.put_aside(folder, where, datetime.now(UTC))
            print(f"What was there lies in {moved}.", file=sys.stderr)
        with _told() as told:
            done = restores.restore(source.resolve(), folder, where, datetime.now(UTC), told)
    except (BackupError, CopyError, OSError) as error:
        return _failed("restore", error)
    shown = {
        "made_at": done.made_at,
        "rows": _total(done.rows),
        "files": done.files,
        "held": done.held,
        "paused": done.paused,
    }
    show_one(shown, as_json)
    if not as_json and (done.held or done.paused):
        print(
            "Queued mail is held and campaigns are paused: they may have been sent since the backup.", file=sys.stderr
        )
        print("`mailloft queue release --all` and `mailloft campaign resume` send what was not.", file=sys.stderr)
    return 0


def _where(source: Path, folder: Path, config: Path | None) -> Whereabouts:
    if config is not None:
        return Whereabouts.of(settled(load(config, environment()), folder), units=True)
    return Whereabouts(str(folder), str(folder / "spool"), "", backups.read_manifest(source).hostname, ())


@contextmanager
def _told() -> Iterator[Told]:
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=of)
            bar.update(tasks[what], completed=done, total=of)

        yield tell


def _total(rows: dict[str, dict[str, int]]) -> int:
    return sum(sum(tables.values()) for tables in rows.values())


def _failed(what: str, error: Exception) -> int:
    told = str(error)
    if isinstance(error, OSError):
        told = f"{error.filename or 'a file'}: {error.strerror}. Name a folder that this user may write, with room."
    print(f"mailloft {what}: {told}", file=sys.stderr)
    return 1
