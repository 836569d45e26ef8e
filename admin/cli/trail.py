"""Every act at the command line is in the audit trail: who, what, on what, from where (PRODUCT P4).

`Watched` is the office that admin/cli/opening.py opens; a command that wrote anything through it is noted at its end,
whether it went on well or not. Arguments are named, a number as the thing that it is; options are not: those may be
secrets.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TypeVar

from typer._click.globals import get_current_context  # typer has its click within, and no door to it

from admin.acts import audit, things
from admin.office import Office
from store.stores import Book
from store.things import NOUNS

T = TypeVar("T")


@dataclass(slots=True)
class Trail:
    """`project`: the one that the command is about, None: none or all; the rest as it was when the command began."""

    act: str = ""
    subject: str = ""
    wrote: bool = False
    project: int | None = None


@dataclass(frozen=True, slots=True)
class Watched(Office):
    trail: Trail = field(default_factory=Trail)

    def _write(self, book: Book, work: Callable[[object], T]) -> T:
        self.trail.wrote = True
        return Office._write(self, book, work)


def watched(office: Office) -> Watched:
    """Before the command does anything: it may remove what it names."""
    trail = Trail(*_command(office))
    return Watched(**{one.name: getattr(office, one.name) for one in fields(Office)}, trail=trail)


def note(office: Watched) -> None:
    """Nothing where nothing was written."""
    if office.trail.wrote:
        trail = office.trail
        audit.note(office, trail.project, f"{_person()} (command line)", trail.act, trail.subject, _where())


def _command(office: Office) -> tuple[str, str]:
    """ "client.add", and its arguments."""
    context = get_current_context(silent=True)
    if context is None:
        return "command", ""
    named = [one.name for one in context.command.params if one.param_type_name == "argument"]
    values = [_told(office, name, context.params[name]) for name in named if context.params.get(name) is not None]
    return ".".join(context.command_path.split()[1:]), " ".join(values)


def _told(office: Office, name: str, value: object) -> str:
    thing = things.found(office, None, name, value) if name in NOUNS and isinstance(value, int) else None
    return str(value) if thing is None else thing


def _person() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())


def _where() -> str:
    return os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or socket.gethostname()
