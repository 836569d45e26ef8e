"""`mailloft up`: the whole appliance under one parent, on loopback unless the settings say otherwise.

In this order: settings, DIR and its lock, ports (all bound here, so a taken one is told before anything starts),
certificates, tables, operator and sample, then every role in a fork of its own. Prints where it answers once all do.
Raises UpError with what and where and the mend; admin/cli prints it. Crash case: every step may be repeated, so a
start that was killed anywhere is finished by the next one.
"""

from __future__ import annotations

import gc
import os
import resource
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from admin import announcement, certificates, keepsakes, ports, roles, sample
from admin.keepsakes import KeepsakeError, Keepsakes, Whereabouts
from admin.office import Office
from admin.parent import Child, Family, Outcome
from admin.ports import PortError
from admin.seat import open_office, seat_operator
from role.context import Context
from role.log import EventLog
from store import migrate
from store.prepared import compile_all
from store.settings import Settings, Source
from store.settings_file import SettingsError, environment, load
from store.shaping_table import table_for
from store.spool import Spool
from store.stores import Stores, open_stores

_OWN_SOURCES: Final = ("127.0.0.2", "127.0.0.3")
_DESCRIPTORS: Final = 65_536


class UpError(Exception):
    """Why the appliance does not start."""


@dataclass(frozen=True, slots=True)
class Options:
    folder: Path
    config: Path | None
    json: bool
    sample: bool


@dataclass(frozen=True, slots=True)
class Appliance:
    """What is settled before the first fork."""

    folder: Path
    settings: Settings
    keepsakes: Keepsakes
    office: Office
    sockets: dict[str, socket.socket]
    stores: Stores  # the children's, each its own after the fork
    name_server: sample.NameServer | None  # where the sample's names are served


def up(options: Options) -> int:
    """Run until told to stop; the exit status. Raises UpError."""
    os.umask(0o077)
    _allow_connections()
    try:
        settings = load(options.config, environment())
        folder = keepsakes.prepare(options.folder)
        held = keepsakes.lock(folder)
        try:
            return _run(_prepare(folder, settings, options), options)
        finally:
            os.close(held)
    except (SettingsError, KeepsakeError, PortError) as error:
        raise UpError(str(error)) from error


def _allow_connections() -> None:
    """As many descriptors as this user may have: the usual 1,024 are few for a server."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _prepare(folder: Path, settings: Settings, options: Options) -> Appliance:
    kept = keepsakes.load(folder)
    # First, since the secrets that it prints must be kept before anyone sees them.
    keepsakes.save(folder, kept)
    named = tuple(process.name for process in roles.processes(settings))
    wanted = ports.listeners(settings) + ports.metrics_listeners(settings, iter(named))
    sockets = ports.bind_all(wanted, kept.ports)
    chosen = {name: int(bound.getsockname()[1]) for name, bound in sockets.items()}
    kept = msgspec.structs.replace(kept, ports=kept.ports | chosen)
    settings = _settled(settings, folder, chosen, options.sample)
    table_for(settings)
    if not settings.tls.certificate:
        certificates.ensure(folder, settings.server.hostname, datetime.now(UTC))
    office = _open_office(folder, settings)
    seat_operator(office, kept)
    kept, name_server = sample.prepare(folder, settings, office, kept) if options.sample else (kept, None)
    if name_server is not None:
        settings = msgspec.structs.replace(
            settings, dns=msgspec.structs.replace(settings.dns, servers=(name_server.listening,))
        )
        keepsakes.save_whereabouts(folder, Whereabouts.of(settings))
    keepsakes.save(folder, kept)
    roles.preload()
    with office.stores.core.database.read() as tx:
        compile_all(tx.dialect)
    office.stores.close()  # no connection crosses a fork
    stores = open_stores(settings.storage.database)
    stores.prepare()
    return Appliance(folder, settings, kept, office, sockets, stores, name_server)


def _settled(settings: Settings, folder: Path, chosen: dict[str, int], with_sample: bool) -> Settings:
    """The settings that every role sees: what was left open is filled in for loopback."""
    replace = msgspec.structs.replace
    outbound = settings.outbound
    if not outbound.sources:
        hostname = settings.server.hostname
        own = (Source(address, f"out{at}.{hostname}") for at, address in enumerate(_OWN_SOURCES, 1))
        outbound = replace(outbound, sources=tuple(own))
    if with_sample and outbound.port == sample.SMTP_PORT:
        outbound = replace(outbound, port=chosen["mx"])
    host = settings.admin.address if settings.admin.address != "0.0.0.0" else settings.server.hostname
    bracketed = f"[{host}]" if ":" in host else host
    url = settings.admin.url.rstrip("/") or f"https://{bracketed}:{chosen['admin']}"
    return replace(
        settings,
        outbound=outbound,
        admin=replace(settings.admin, url=url, port=chosen["admin"]),
        # Autoconfig tells them to mail programs.
        imap=replace(settings.imap, port=chosen["imap"], tls_port=chosen["imaps"]),
        submission=replace(settings.submission, port=chosen["submission"], tls_port=chosen["submissions"]),
        storage=replace(
            settings.storage,
            database=settings.storage.database or str(folder),
            spool=settings.storage.spool or str(folder / "spool"),
        ),
    )


def _open_office(folder: Path, settings: Settings) -> Office:
    """Tables of this release, folders for the bytes, and the way in for the command line."""
    migrate.upgrade(settings.storage.database)
    keepsakes.make_keys(folder)
    whereabouts = Whereabouts.of(settings)
    keepsakes.save_whereabouts(folder, whereabouts)
    return open_office(folder, whereabouts, threads=False)


def _run(appliance: Appliance, options: Options) -> int:
    # A full collection in a child writes to every object's header: each child then has a copy of all (m: 30 MB).
    gc.freeze()
    log = EventLog("parent")
    children = [_child(appliance, process) for process in roles.processes(appliance.settings)]
    if appliance.name_server is not None:
        children.insert(0, Child("name server", appliance.name_server.execute))
    outcome = Family(children, log).run(lambda: _announce(appliance, options.json))
    if outcome is Outcome.HOPELESS:
        raise UpError("a process ended again and again before it answered; the log above says why")
    return 0


def _announce(appliance: Appliance, as_json: bool) -> None:
    named = {name: int(bound.getsockname()[1]) for name, bound in appliance.sockets.items()}
    ready = announcement.ready_line(
        named,
        appliance.settings,
        appliance.folder,
        appliance.keepsakes,
        appliance.name_server.listening if appliance.name_server else None,
    )
    text = msgspec.json.encode(ready).decode() if as_json else announcement.for_a_person(ready, appliance.settings)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _child(appliance: Appliance, process: roles.Process) -> Child:
    def start(readiness: int) -> None:
        context = _context(appliance, process, lambda: _say_ready(readiness))
        mine = set(context.sockets.values())
        for bound in appliance.sockets.values():
            if bound not in mine:
                bound.close()
        try:
            roles.entrance(process.role)(context)
        finally:
            context.stores.close()

    return Child(process.name, start)


def _say_ready(readiness: int) -> None:
    os.write(readiness, b"1")


def _context(appliance: Appliance, process: roles.Process, ready: Callable[[], None]) -> Context:
    sockets = {name: appliance.sockets[name] for name in process.role.sockets}
    return Context(
        name=process.role.name,
        position=process.position,
        of=process.of,
        node=appliance.settings.server.node or socket.gethostname(),
        settings=appliance.settings,
        stores=appliance.stores,
        spool=Spool(Path(appliance.settings.storage.spool)),
        vault=appliance.office.vault,
        log=EventLog(process.name),
        certificate=Path(appliance.settings.tls.certificate or appliance.folder / "server.pem"),
        private_key=Path(appliance.settings.tls.private_key or appliance.folder / "server.key"),
        sockets=sockets | {"metrics": appliance.sockets[f"metrics.{process.name}"]},
        public_url=appliance.settings.admin.url,
        ready=ready,
        folder=appliance.folder,
        ports={name: int(bound.getsockname()[1]) for name, bound in appliance.sockets.items()},
    )
