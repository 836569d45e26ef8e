"""`mailloft person`: who signs in to the panel, of a project or (--operators) of the appliance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

if TYPE_CHECKING:
    from admin.office import Office

app = typer.Typer(help="Who signs in to the panel.", no_args_is_help=True)
Login = Annotated[str, typer.Argument(help="The person's address.")]
Role = Annotated[str, typer.Argument(help="owner, member or viewer; operator with --operators.")]
Operators = Annotated[bool, typer.Option("--operators", help="The appliance's operators, of no project.")]


def _scope(office: Office, project: str | None, operators: bool) -> int | None:
    return None if operators else project_id(office, project)


@app.command(name="add")
def add_person(
    login: Login,
    role: Role,
    operators: Operators = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Let somebody in; the password is shown once."""
    from admin.acts import people

    with opened(folder) as office:
        show_one(people.create(office, _scope(office, project, operators), login, role), as_json)


@app.command(name="list")
def list_people(
    operators: Operators = False, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    from admin.acts import pages, people

    with opened(folder) as office:
        window = pages.Window(limit=pages.LONGEST)
        show(people.page(office, _scope(office, project, operators), window).items, as_json)


@app.command(name="role")
def set_role(
    login: Login, role: Role, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Change the role of somebody of a project; the sessions end."""
    from admin.acts import people

    with opened(folder) as office:
        here = project_id(office, project)
        found = people.by_login(office, here, login)
        show_one(people.set_role(office, here, found.id, role, None), as_json)


@app.command(name="password")
def new_password(
    login: Login,
    operators: Operators = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """A new one, shown once; a lost second factor is taken away too."""
    from admin.acts import people

    with opened(folder) as office:
        here = _scope(office, project, operators)
        found = people.by_login(office, here, login)
        show_one(people.new_password(office, here, found.id), as_json)


@app.command(name="remove")
def remove_person(
    login: Login,
    operators: Operators = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Nobody signs in as that any more."""
    from admin.acts import people

    with opened(folder) as office:
        here = _scope(office, project, operators)
        found = people.by_login(office, here, login)
        show_one({"removed": people.remove(office, here, found.id, None)}, as_json)
