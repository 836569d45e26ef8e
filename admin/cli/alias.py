"""`mailloft alias`: aliases, catch-alls and forwarding of mailboxes."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(
    help="Where mail for an address goes: to mailboxes, or on to other hosts. @DOMAIN is a domain's catch-all.",
    no_args_is_help=True,
)
Address = Annotated[str, typer.Argument(help="name@domain, or @domain for all that has no mailbox and no alias.")]
Target = Annotated[str, typer.Argument(help="A mailbox of the project, or an address elsewhere.")]


@command(app, "add")
def add_alias(call: Call, address: Address, target: Target) -> None:
    """Add a target. A mailbox that forwards keeps a copy if it is added as a target of itself."""
    from admin.acts import aliases

    call.show_one(aliases.add(call.office, call.project, address, target))


@command(app, "list")
def list_aliases(call: Call) -> None:
    """Each with its target, in the order they were made."""
    from admin.acts import aliases

    call.show_all(partial(aliases.page, call.office, call.project))


@command(app, "remove")
def remove_alias(call: Call, address: Address) -> None:
    """Take all targets of an address away."""
    from admin.acts import aliases

    gone = aliases.remove_address(call.office, call.project, address)
    call.show_one({"removed": gone})
