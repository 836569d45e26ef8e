"""`mailloft alias`: aliases, catch-alls and forwarding of mailboxes."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(
    help="Where mail for an address goes: to mailboxes, or on to other hosts. @DOMAIN is a domain's catch-all.",
    no_args_is_help=True,
)
Address = Annotated[str, typer.Argument(help="name@domain, or @domain for all that has no mailbox and no alias.")]
Target = Annotated[str, typer.Argument(help="A mailbox of the project, or an address elsewhere.")]


@app.command(name="add")
def add_alias(
    address: Address, target: Target, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Add a target. A mailbox that forwards keeps a copy if it is added as a target of itself."""
    from admin.acts import aliases

    with opened(folder) as office:
        show_one(aliases.add(office, project_id(office, project), address, target), as_json)


@app.command(name="list")
def list_aliases(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import aliases, pages

    with opened(folder) as office:
        window = pages.Window(limit=pages.LONGEST)
        show(aliases.page(office, project_id(office, project), window).items, as_json)


@app.command(name="remove")
def remove_alias(address: Address, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Take all targets of an address away."""
    from admin.acts import aliases

    with opened(folder) as office:
        gone = aliases.remove_address(office, project_id(office, project), address)
        show_one({"removed": gone}, as_json)
