"""`mailloft app-password`: passwords of a mailbox for single programs and devices."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(
    help="Passwords of a mailbox for single programs and devices, each revocable by itself.", no_args_is_help=True
)
Address = Annotated[str, typer.Argument(help="The mailbox.")]
Name = Annotated[str, typer.Argument(help="What tells the program or device.")]
Number = Annotated[int, typer.Argument(help="As `list` shows it.")]


@command(app, "add")
def add_app_password(call: Call, address: Address, name: Name) -> None:
    """Make one; it is shown once."""
    from admin.acts import app_passwords

    call.show_one(app_passwords.create(call.office, call.project, address, name))


@command(app, "list")
def list_app_passwords(call: Call, address: Address) -> None:
    """With when each was made and last used."""
    from admin.acts import app_passwords

    call.show(app_passwords.of_mailbox(call.office, call.project, address))


@command(app, "revoke")
def revoke_app_password(call: Call, address: Address, number: Number) -> None:
    """Nobody signs in with it again."""
    from admin.acts import app_passwords

    app_passwords.revoke(call.office, call.project, address, number)
    call.show_one({"revoked": number})
