"""`mailloft app-password`: passwords of a mailbox for single programs and devices."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(
    help="Passwords of a mailbox for single programs and devices, each revocable by itself.", no_args_is_help=True
)
Address = Annotated[str, typer.Argument(help="The mailbox.")]
Name = Annotated[str, typer.Argument(help="What tells the program or device.")]
Number = Annotated[int, typer.Argument(help="As `list` shows it.")]


@app.command(name="add")
def add_app_password(
    address: Address, name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Make one; it is shown once."""
    from admin.acts import app_passwords

    with opened(folder) as office:
        show_one(app_passwords.create(office, project_id(office, project), address, name), as_json)


@app.command(name="list")
def list_app_passwords(
    address: Address, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """With when each was made and last used."""
    from admin.acts import app_passwords

    with opened(folder) as office:
        show(app_passwords.of_mailbox(office, project_id(office, project), address), as_json)


@app.command(name="revoke")
def revoke_app_password(
    address: Address, number: Number, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Nobody signs in with it again."""
    from admin.acts import app_passwords

    with opened(folder) as office:
        app_passwords.revoke(office, project_id(office, project), address, number)
        show_one({"revoked": number}, as_json)
