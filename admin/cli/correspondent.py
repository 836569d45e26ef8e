"""`mailloft mailbox allow`, `deny` and `correspondents`: whose mail a mailbox wants, and whose it does not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from admin.cli.calling import Call, command

if TYPE_CHECKING:
    from policy.correspondents import Standing

Address = Annotated[str, typer.Argument(help="The mailbox.")]
Entry = Annotated[str, typer.Argument(help="An address, or a domain with all below it.")]
Remove = Annotated[bool, typer.Option("--remove", help="Take the entry away.")]


def add_to(mailbox: typer.Typer) -> None:
    command(mailbox, "allow", json=False)(_allow)
    command(mailbox, "deny", json=False)(_deny)
    command(mailbox, "correspondents")(_list)


def _allow(call: Call, address: Address, entry: Entry, remove: Remove = False) -> None:
    """Mail of theirs is never junk, unless DMARC says that their name is forged."""
    from policy.correspondents import Standing

    _change(call, address, entry, None if remove else Standing.ALLOW)


def _deny(
    call: Call,
    address: Address,
    entry: Entry,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it by its return address at once.")] = False,
    remove: Remove = False,
) -> None:
    """Mail of theirs is junk."""
    from policy.correspondents import Standing

    denied = Standing.REFUSE if refuse else Standing.DENY
    _change(call, address, entry, None if remove else denied)


def _change(call: Call, address: str, entry: str, standing: Standing | None) -> None:
    from admin.acts import correspondents

    owner = call.project
    if standing is None:
        correspondents.remove(call.office, owner, address, entry)
    else:
        correspondents.put(call.office, owner, address, entry, standing)


def _list(call: Call, address: Address) -> None:
    """Who is allowed, denied or refused."""
    from admin.acts import correspondents

    call.show_all(partial(correspondents.page, call.office, call.project, address))
