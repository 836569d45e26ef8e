"""`mailloft person`: who signs in to the panel, of a project or (--operators) of the appliance."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="Who signs in to the panel.", no_args_is_help=True)
Login = Annotated[str, typer.Argument(help="The person's address.")]
Role = Annotated[str, typer.Argument(help="owner, member or viewer; operator with --operators.")]
Operators = Annotated[bool, typer.Option("--operators", help="The appliance's operators, of no project.")]


def _scope(call: Call, operators: bool) -> int | None:
    return None if operators else call.project


@command(app, "add")
def add_person(call: Call, login: Login, role: Role, operators: Operators = False) -> None:
    """Let somebody in; the password is shown once."""
    from admin.acts import people

    call.show_one(people.create(call.office, _scope(call, operators), login, role))


@command(app, "list")
def list_people(call: Call, operators: Operators = False) -> None:
    """With role and second factor."""
    from admin.acts import people

    call.show_all(partial(people.page, call.office, _scope(call, operators)))


@command(app, "role")
def set_role(call: Call, login: Login, role: Role) -> None:
    """Change the role of somebody of a project; the sessions end."""
    from admin.acts import people

    here = call.project
    found = people.by_login(call.office, here, login)
    call.show_one(people.set_role(call.office, here, found.id, role, None))


@command(app, "password")
def new_password(call: Call, login: Login, operators: Operators = False) -> None:
    """A new one, shown once; a lost second factor is taken away too."""
    from admin.acts import people

    here = _scope(call, operators)
    found = people.by_login(call.office, here, login)
    call.show_one(people.new_password(call.office, here, found.id))


@command(app, "remove")
def remove_person(call: Call, login: Login, operators: Operators = False) -> None:
    """Nobody signs in as that any more."""
    from admin.acts import people

    here = _scope(call, operators)
    found = people.by_login(call.office, here, login)
    call.show_one({"removed": people.remove(call.office, here, found.id, None)})
