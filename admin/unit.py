"""One role in the process that its systemd unit started: `mailloft role NAME`.

The databases, the secrets and the settings are made by `mailloft migrate` before; sockets and credentials come from
systemd ($LISTEN_FDS, $CREDENTIALS_DIRECTORY), so that the role needs no privilege. Raises SettingsError, KeepsakeError,
PortError and UnitError with what and where and the mend. Crash case: systemd starts it again; what it held is freed by
its successor (store/ledger.py).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from admin import keepsakes, roles
from admin.inherited import inherited
from admin.keepsakes import Whereabouts
from admin.seat import open_office, seat_operator
from role.context import Context
from role.log import EventLog
from role.supervisor import tell
from store import migrate
from store.settings import Settings
from store.settings_file import SettingsError, environment, load
from store.shaping_table import table_for
from store.spool import Spool
from store.stores import open_stores

GROUP_ALONE: Final = 0o007  # the roles' users share the group that owns the databases
# The ports of systemd/*.socket.
_PUBLIC: Final = {"mx": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "admin": 443}
_ONE_EACH: Final = {"submission": 9531, "sorter": 9532, "admin": 9534, "clock": 9535}


class UnitError(Exception):
    """A role that cannot be started so; the text names the mend."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`position` counts from 1, as an instance of a template unit is named."""

    role: str
    position: int
    folder: Path
    config: Path


def serve(assignment: Assignment, given: Mapping[str, str] = os.environ) -> None:
    """Until SIGTERM."""
    os.umask(GROUP_ALONE)
    keepsakes.refuse_half_restored(assignment.folder)
    settings = settled(load(assignment.config, environment()), assignment.folder)
    process = _process(settings, assignment)
    table_for(settings)
    credentials = Path(given.get("CREDENTIALS_DIRECTORY") or assignment.folder)
    context = Context(
        name=process.role.name,
        position=process.position,
        of=process.of,
        node=settings.server.node or socket.gethostname(),
        settings=settings,
        stores=open_stores(settings.storage.database),
        spool=Spool(Path(settings.storage.spool)),
        vault=keepsakes.open_vault(credentials),
        log=EventLog(process.name),
        certificate=Path(settings.tls.certificate or assignment.folder / "server.pem"),
        private_key=Path(settings.tls.private_key or assignment.folder / "server.key"),
        sockets=inherited((*process.role.sockets, "metrics"), given),
        public_url=settings.admin.url,
        ready=lambda: tell("READY=1"),
        folder=assignment.folder,
        ports=ports_of(settings),
    )
    try:
        roles.entrance(process.role)(context)
    finally:
        context.stores.close()


def install(folder: Path, config: Path) -> dict[str, str]:
    """What every role finds made: tables of this release, keys, the operator. The revision of each database.

    Crash case: every step may be repeated; the next run finishes one that was killed.
    """
    os.umask(GROUP_ALONE)
    keepsakes.refuse_half_restored(folder)
    settings = settled(load(config, environment()), folder)
    table_for(settings)
    revisions = migrate.upgrade(settings.storage.database)
    # SQLite makes its files 0644 whatever the umask would allow; the files beside them take their mode.
    for file in folder.glob("*.db*"):
        file.chmod(0o660)
    keepsakes.make_keys(folder)
    whereabouts = Whereabouts.of(settings, units=True)
    keepsakes.save_whereabouts(folder, whereabouts)
    kept = keepsakes.load(folder)
    keepsakes.save(folder, kept)
    office = open_office(folder, whereabouts, threads=False)
    try:
        seat_operator(office, kept)
    finally:
        office.stores.close()
    return revisions


def settled(settings: Settings, folder: Path) -> Settings:
    """What the file left open, filled in for a machine with units. Raises SettingsError."""
    if not settings.outbound.sources:
        raise SettingsError(
            "[outbound] sources: name the addresses that this machine sends from, each with its EHLO name"
        )
    replace = msgspec.structs.replace
    storage = replace(
        settings.storage,
        database=settings.storage.database or str(folder),
        spool=settings.storage.spool or str(folder / "spool"),
    )
    url = settings.admin.url.rstrip("/") or f"https://{settings.server.hostname}"
    return replace(settings, storage=storage, admin=replace(settings.admin, url=url))


def ports_of(settings: Settings) -> Mapping[str, int]:
    """Where a machine with units answers, by the names of admin/ports.py."""
    several = {
        "mx": (9510, settings.mx.processes),
        "sender": (9520, settings.outbound.workers),
        "imap": (9540, settings.imap.processes),
    }
    numbered = {f"metrics.{name}-{n}": base + n for name, (base, of) in several.items() for n in range(1, of + 1)}
    others = {f"metrics.{name}": port for name, port in _ONE_EACH.items()}
    return {**_PUBLIC, **numbered, **others}


def _process(settings: Settings, assignment: Assignment) -> roles.Process:
    """Raises UnitError where there is no such role, or fewer processes of it."""
    of_role = [process for process in roles.processes(settings) if process.role.name == assignment.role]
    if not of_role:
        raise UnitError(f"there is no role {assignment.role!r}; one of {', '.join(role.name for role in roles.ROLES)}")
    if not 1 <= assignment.position <= len(of_role):
        raise UnitError(
            f"{assignment.role} has {len(of_role)} processes by the settings, so there is no number "
            f"{assignment.position}. Enable as many units as the settings name, or change the settings."
        )
    return of_role[assignment.position - 1]
