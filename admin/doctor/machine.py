"""The machine: room on its disks, its clock, and how old the last backup is."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from admin import backup
from admin.doctor.finding import Finding, Premises, Verdict
from store.database import is_postgresql

_LITTLE: Final = 0.30
_VERY_LITTLE: Final = 0.15
_BACKUP_OLD: Final = timedelta(days=2)
_BACKUP_VERY_OLD: Final = timedelta(days=7)
_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_OCTETS: Final = 208 + 200  # struct timex, and more than it will ever have


def look(premises: Premises) -> Iterator[Finding]:
    storage = premises.office.settings.storage
    places = {premises.folder, Path(storage.spool or premises.folder)}
    if storage.database and not is_postgresql(storage.database):
        places.add(Path(storage.database))
    devices = {place.stat().st_dev: place for place in sorted(places) if place.exists()}
    yield from (_disk(place) for place in devices.values())
    yield _clock()
    yield _backup(premises)


def _disk(place: Path) -> Finding:
    usage = shutil.disk_usage(place)
    free = usage.free / usage.total
    verdict = Verdict.OK if free > _LITTLE else Verdict.WARNING if free > _VERY_LITTLE else Verdict.WRONG
    mend = "" if verdict is Verdict.OK else "Make room: a full disk makes the MX answer 452 and the queue stand still."
    return Finding("disk", str(place), verdict, f"{free:.0%} free ({usage.free / 1e9:.1f} GB)", mend)


def _clock() -> Finding:
    """What the kernel believes: whether something keeps its clock right."""
    asked = ctypes.create_string_buffer(_TIMEX_OCTETS)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(asked)
    if state < 0:
        return Finding("clock", "the machine's", Verdict.UNKNOWN, "the kernel does not say whether it is kept right")
    if state == _UNSYNCHRONISED:
        mend = "Start a time service: `apt install systemd-timesyncd`. Signatures and TLS depend on the time."
        return Finding("clock", "the machine's", Verdict.WARNING, "nothing keeps it right", mend)
    return Finding("clock", "the machine's", Verdict.OK, "is kept right")


def _backup(premises: Premises) -> Finding:
    last = backup.last_of(premises.folder)
    if last is None:
        return Finding(
            "backup", "the last", Verdict.WARNING, "there is none", "`mailloft backup DEST`, on another machine's disk."
        )
    age = premises.now - last.made_at
    verdict = Verdict.OK if age < _BACKUP_OLD else Verdict.WARNING if age < _BACKUP_VERY_OLD else Verdict.WRONG
    mend = "" if verdict is Verdict.OK else "`mailloft backup DEST`; `systemctl list-timers mailloft-backup.timer`."
    return Finding("backup", "the last", verdict, f"{last.made_at:%Y-%m-%d %H:%M} UTC, {last.where}", mend)
