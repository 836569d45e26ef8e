"""`mailloft sender`: the From identities of a project."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from admin.cli.calling import Call, command

if TYPE_CHECKING:
    from admin.acts.senders import SenderView

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

    _show(call, senders.create(call.office, call.project, address, display_name))


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
        _show(call, sender_codes.send(call.office, here, found))
    else:
        _show(call, sender_codes.prove(call.office, here, found, code))


@command(app, "list")
def list_senders(call: Call) -> None:
    """With what keeps each from sending."""
    from admin.acts import pages, senders

    found = pages.every(partial(senders.page, call.office, call.project))
    call.show(found if call.as_json else [_plain(one) for one in found])


def _show(call: Call, sender: SenderView) -> None:
    call.show_one(sender if call.as_json else _plain(sender))


def _plain(sender: SenderView) -> dict[str, Any]:
    """What keeps it from sending as words."""
    return asdict(sender) | {"obstacles": "; ".join(one["detail"] for one in sender.obstacles)}
