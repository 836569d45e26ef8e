"""`mailloft sender`: the From identities of a project."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="Senders, the From identities of a project.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(help="The sender's.")]


@command(app, "add")
def add_sender(
    call: Call,
    address: Address,
    display_name: Annotated[str, typer.Option("--name", help="What readers see beside the address.")] = "",
) -> None:
    """Write from an address: at once where its mailbox is here in a domain of the project, else after `prove`."""
    from admin.acts import senders

    call.show_one(senders.create(call.office, call.project, address, display_name))


@command(app, "prove")
def prove_sender(
    call: Call,
    address: Address,
    code: Annotated[str | None, typer.Option(help="From the mail; without it a new one is mailed.")] = None,
) -> None:
    """Have a code mailed to the address, then prove it with that code."""
    from admin.acts import sender_codes, senders

    here = call.project
    found = senders.by_address(call.office, here, address).id
    if code is None:
        call.show_one(sender_codes.send(call.office, here, found))
    else:
        call.show_one(sender_codes.prove(call.office, here, found, code))


@command(app, "list")
def list_senders(call: Call) -> None:
    """With what keeps each from sending."""
    from admin.acts import senders

    call.show_all(partial(senders.page, call.office, call.project))
