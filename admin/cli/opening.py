"""Options that many commands share, the office of a DIR, and how rows are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from admin.office import Office

Folder = Annotated[Path, typer.Option("--dir", envvar="MAILLOFT_DIR", help="DIR of the appliance.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ProjectName = Annotated[str | None, typer.Option("--project", help="The project; not needed where there is only one.")]
HERE = Path("var")
_NO_TERMINAL: Final = 10_000  # columns: a program reads it, or a file


@contextmanager
def opened(folder: Path) -> Iterator[Office]:
    """The office of the appliance in `folder`, which may be running. Raises KeepsakeError."""
    from admin.cli.trail import note, watched
    from admin.keepsakes import load_whereabouts
    from admin.seat import open_office

    office = watched(open_office(folder.resolve(), load_whereabouts(folder), threads=True))
    try:
        yield office
    finally:
        note(office)
        office.stores.close()


def project_id(office: Office, name: str | None) -> int:
    """Of that name, or the only one. Raises RefusedError."""
    from admin.acts import projects
    from admin.acts.pages import Window
    from admin.refusals import InvalidError

    if name is not None:
        return _about(office, projects.by_name(office, name).id)
    found = projects.page(office, Window(limit=2)).items
    if len(found) != 1:
        raise InvalidError("there is more than one project; name it with --project" if found else "there is no project")
    return _about(office, found[0].id)


def _about(office: Office, project: int) -> int:
    """Told to the audit trail."""
    from admin.cli.trail import Watched

    if isinstance(office, Watched):
        office.trail.project = project
    return project


def show(rows: Sequence[Any], as_json: bool) -> None:
    """A table for people, or one JSON array. Nothing is cut off: a key that is to be published is long."""
    plain = [msgspec.to_builtins(row) for row in rows]
    if as_json:
        json.dump(plain, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    if not plain:
        typer.echo("(none)")
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(*(Column(escape(str(name)), overflow="fold") for name in plain[0]), box=None, pad_edge=False)
    for row in plain:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    Console(soft_wrap=True, width=None if sys.stdout.isatty() else _NO_TERMINAL).print(table)


def show_one(row: Any, as_json: bool) -> None:
    """One thing: `name: value` lines, or one JSON object."""
    plain = msgspec.to_builtins(row)
    if as_json:
        typer.echo(json.dumps(plain, ensure_ascii=False))
        return
    for name, value in plain.items():
        typer.echo(f"{name}: {_cell(value)}")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
