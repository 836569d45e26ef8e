"""Every act at the command line is in the audit trail: who, what, on what, from where (PRODUCT P4).

`Watched` is the office that admin/cli/opening.py opens; a command that wrote anything through it is noted at its end,
whether it went on well or not. Arguments are named, options are not: those may be secrets.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TypeVar

from typer._click.globals import get_current_context  # typer has its click within, and no door to it

from admin.acts import audit
from admin.office import Office
from store.stores import Book

T = TypeVar("T")


@dataclass(slots=True)
class Trail:
    """`project`: the one that the command is about, None: none or all."""

    wrote: bool = False
    project: int | None = None


@dataclass(frozen=True, slots=True)
class Watched(Office):
    trail: Trail = field(default_factory=Trail)

    def _write(self, book: Book, work: Callable[[object], T]) -> T:
        self.trail.wrote = True
        return Office._write(self, book, work)


def watched(office: Office) -> Watched:
    return Watched(**{one.name: getattr(office, one.name) for one in fields(Office)})


def note(office: Watched) -> None:
    """Nothing where nothing was written."""
    if office.trail.wrote:
        act, subject = _command()
        audit.note(office, office.trail.project, f"{_person()} (command line)", act, subject, _where())


def _command() -> tuple[str, str]:
    """ "client.add", and its arguments."""
    context = get_current_context(silent=True)
    if context is None:
        return "command", ""
    named = [one.name for one in context.command.params if one.param_type_name == "argument"]
    values = [str(context.params[name]) for name in named if name and context.params.get(name) is not None]
    return ".".join(context.command_path.split()[1:]), " ".join(values)


def _person() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())


def _where() -> str:
    return os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or socket.gethostname()
