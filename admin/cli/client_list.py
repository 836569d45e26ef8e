"""`mailloft list`: lists of clients, and everybody on one as CSV."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from admin.cli.calling import Call, command
from admin.cli.counting_bar import counting_bar

app = typer.Typer(help="Lists of clients.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The list's.")]


@command(app, "add")
def add_list(call: Call, name: Name) -> None:
    """Make an empty list."""
    from admin.acts import lists

    call.show_one(lists.create(call.office, call.project, name))


@command(app, "export", json=False)
def export_list(
    call: Call,
    name: Name,
    file: Annotated[typer.FileTextWrite, typer.Argument(encoding="utf-8", help="The CSV to write; - for stdout.")],
) -> None:
    """Everybody on a list with rating, consent and variables, as CSV."""
    from admin.acts import lists

    with counting_bar() as bar:
        owner = call.project
        found = lists.by_name(call.office, owner, name)
        task = bar.add_task("export", total=found.clients)
        for part in lists.csv(call.office, owner, found.id):
            file.write(part)
            bar.update(task, advance=part.count("\n"))


@command(app, "list")
def list_lists(call: Call) -> None:
    """With how many clients are on each."""
    from admin.acts import lists

    call.show_all(partial(lists.page, call.office, call.project))
