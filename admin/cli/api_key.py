"""`mailloft api-key`: the API keys of a project."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="API keys of a project.", no_args_is_help=True)


@command(app, "add")
def add_key(call: Call, name: Annotated[str, typer.Argument(help="Which program it is for.")]) -> None:
    """Make a key; it is shown once."""
    from admin.acts import api_keys

    call.show_one(api_keys.create(call.office, call.project, name))


@command(app, "list")
def list_keys(call: Call) -> None:
    """With when each was made; the keys themselves are kept nowhere."""
    from admin.acts import api_keys

    call.show(api_keys.of_project(call.office, call.project))


@command(app, "revoke", json=False)
def revoke_key(
    call: Call, key: Annotated[int, typer.Argument(metavar="ID", help="Its number, as `list` shows it.")]
) -> None:
    """It opens nothing any more."""
    from admin.acts import api_keys

    api_keys.revoke(call.office, call.project, key)
