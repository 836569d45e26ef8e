"""`mailloft project`: the tenants of the appliance."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="Projects, the tenants of the appliance.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The project's.")]
Campaigns = Annotated[bool, typer.Option(help="Its plan allows campaigns.")]


@command(app, "add", project=False)
def add_project(call: Call, name: Name, campaigns: Campaigns = False) -> None:
    """Make a project; its API key is shown once."""
    from admin.acts import projects

    call.show_one(projects.create(call.office, name, campaigns))


@command(app, "list", project=False)
def list_projects(call: Call) -> None:
    """With whether the plan of each allows campaigns."""
    from admin.acts import projects

    call.show_all(partial(projects.page, call.office))


@command(app, "set", project=False)
def set_project(call: Call, name: Name, campaigns: Campaigns) -> None:
    """Whether its plan allows campaigns."""
    from admin.acts import projects

    call.show_one(projects.allow_campaigns(call.office, name, campaigns))
