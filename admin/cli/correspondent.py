"""`mailloft mailbox allow`, `deny` and `correspondents`: whose mail a mailbox wants, and whose it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show

if TYPE_CHECKING:
    from policy.correspondents import Standing

Address = Annotated[str, typer.Argument(help="The mailbox.")]
Entry = Annotated[str, typer.Argument(help="An address, or a domain with all below it.")]
Remove = Annotated[bool, typer.Option("--remove", help="Take the entry away.")]


def add_to(mailbox: typer.Typer) -> None:
    for name, command in (("allow", _allow), ("deny", _deny), ("correspondents", _list)):
        mailbox.command(name=name)(command)


def _allow(
    address: Address, entry: Entry, remove: Remove = False, project: ProjectName = None, folder: Folder = HERE
) -> None:
    """Mail of theirs is never junk, unless DMARC says that their name is forged."""
    from policy.correspondents import Standing

    _change(folder, project, address, entry, None if remove else Standing.ALLOW)


def _deny(
    address: Address,
    entry: Entry,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it by its return address at once.")] = False,
    remove: Remove = False,
    project: ProjectName = None,
    folder: Folder = HERE,
) -> None:
    """Mail of theirs is junk."""
    from policy.correspondents import Standing

    denied = Standing.REFUSE if refuse else Standing.DENY
    _change(folder, project, address, entry, None if remove else denied)


def _change(folder: Folder, project: ProjectName, address: str, entry: str, standing: Standing | None) -> None:
    from admin.acts import correspondents

    with opened(folder) as office:
        owner = project_id(office, project)
        if standing is None:
            correspondents.remove(office, owner, address, entry)
        else:
            correspondents.put(office, owner, address, entry, standing)


def _list(address: Address, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Who is allowed, denied or refused."""
    from admin.acts import correspondents, pages

    with opened(folder) as office:
        window = pages.Window(limit=pages.LONGEST)
        show(correspondents.page(office, project_id(office, project), address, window).items, as_json)
