"""`mailloft api-key`: the API keys of a project."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(help="API keys of a project.", no_args_is_help=True)


@app.command(name="add")
def add_key(
    name: Annotated[str, typer.Argument(help="Which program it is for.")],
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown once."""
    from admin.acts import api_keys

    with opened(folder) as office:
        show_one(api_keys.create(office, project_id(office, project), name), as_json)


@app.command(name="list")
def list_keys(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import api_keys

    with opened(folder) as office:
        show(api_keys.of_project(office, project_id(office, project)), as_json)


@app.command(name="revoke")
def revoke_key(
    key: Annotated[int, typer.Argument(metavar="ID")], project: ProjectName = None, folder: Folder = HERE
) -> None:
    """It opens nothing any more."""
    from admin.acts import api_keys

    with opened(folder) as office:
        api_keys.revoke(office, project_id(office, project), key)
