"""The processes of the appliance: which module serves each, on which sockets, and how many there are.

Read by admin/up.py. A role's module is imported by name, so that no package of the top layer names another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from role.context import Context
from store.settings import Settings


class Serve(Protocol):
    """`run` of a role: serves until SIGTERM, hands back what is in flight, returns."""

    def __call__(self, context: Context) -> None: ...


@dataclass(frozen=True, slots=True)
class Role:
    """`sockets` by the names of admin/ports.py; beside them each process has its "metrics"."""

    name: str
    module: str
    sockets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """`position` of `of` processes of its role, from 0; `name` is unique among all."""

    role: Role
    name: str
    position: int
    of: int


ROLES: Final = (
    Role("mx", "mta.inbound.daemon", ("mx",)),
    Role("submission", "mta.submission.daemon", ("submission", "submissions")),
    Role("sender", "mta.outbound.daemon"),
    Role("sorter", "mta.inbound.sort_daemon"),
    Role("imap", "imap.daemon", ("imap", "imaps")),
    Role("admin", "admin.daemon", ("admin",)),
    Role("clock", "admin.clock"),
)
_NUMBERS: Final[Mapping[str, Callable[[Settings], int]]] = {
    "mx": lambda settings: settings.mx.processes,
    "submission": lambda settings: settings.submission.processes,
    "sender": lambda settings: settings.outbound.workers,
    "imap": lambda settings: settings.imap.processes,
}
# What the reactor would open (epoll, wake-up pipe) must belong to the child alone.
_REACTOR: Final = "twisted.internet.reactor"


def processes(settings: Settings) -> Iterator[Process]:
    for role in ROLES:
        of = _NUMBERS.get(role.name, _one)(settings)
        for position in range(of):
            yield Process(role, role.name if of == 1 else f"{role.name}-{position + 1}", position, of)


def _one(_: Settings) -> int:
    return 1


def entrance(role: Role) -> Serve:
    """The role's `run`, imported now."""
    return cast(Serve, import_module(role.module).run)


def preload() -> None:
    """Import every role in the parent, once for all its children. RuntimeError where that made a reactor."""
    for role in ROLES:
        entrance(role)
    if _REACTOR in sys.modules:
        raise RuntimeError(f"importing the roles made {_REACTOR}; it belongs inside run() of the role that needs it")
