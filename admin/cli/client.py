"""`mailloft client` and `mailloft rating`."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli import conversation
from admin.cli.counting_bar import counting_bar
from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(help="Clients, the addressees of a project.", no_args_is_help=True)
app.add_typer(conversation.app, name="conversation")
rating = typer.Typer(help="Ratings of clients and their history.", no_args_is_help=True)
Address = Annotated[str, typer.Argument()]


@app.command(name="list")
def list_clients(
    list_name: Annotated[str | None, typer.Option("--list", help="Of this list alone.")] = None,
    after: Annotated[int, typer.Option(help="Behind the client of this id.")] = 0,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    from admin.acts import clients, lists, pages

    with opened(folder) as office:
        owner = project_id(office, project)
        list_id = lists.by_name(office, owner, list_name).id if list_name else None
        show(clients.page(office, owner, list_id, pages.Window(after, pages.LONGEST)).items, as_json)


@app.command(name="add")
def add_client(
    address: Address,
    list_names: Annotated[list[str], typer.Option("--list", help="A list to be on; may be given again.")] = [],  # noqa: B006 - typer reads the default
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Add a client by hand, with rating 10."""
    from admin.acts import clients, lists

    with opened(folder) as office:
        owner = project_id(office, project)
        ids = [lists.by_name(office, owner, name).id for name in list_names]
        show_one(clients.create(office, owner, address, ids, {}), as_json)


@app.command(name="show")
def show_client(address: Address, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import clients

    with opened(folder) as office:
        show_one(clients.by_address(office, project_id(office, project), address), as_json)


@rating.command(name="show")
def show_rating(address: Address, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Every change of a client's rating with its cause."""
    from admin.acts import clients

    with opened(folder) as office:
        found = clients.by_address(office, project_id(office, project), address)
        if not as_json:
            typer.echo(f"{found.address}: {found.rating}")
        show(found.rating_history, as_json)


@rating.command(name="set")
def set_rating(
    address: Address,
    value: Annotated[int, typer.Argument(min=1, max=10)],
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Set it by hand; consent stays as it is."""
    from admin.acts import clients

    with opened(folder) as office:
        owner = project_id(office, project)
        client = clients.by_address(office, owner, address).id
        show_one(clients.rate(office, owner, client, value, "the operator"), as_json)


@rating.command(name="replay")
def replay_ratings(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change, save nothing.")] = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Judge every failure anew by the rules of today and set each rating to what follows; consent stays."""
    from admin.acts import ratings

    with opened(folder) as office:
        scope = None if project is None else project_id(office, project)
        changes = []
        with counting_bar() as bar:
            task = bar.add_task("replay", total=None)
            for done in ratings.replay_all(office, scope, 0, dry_run=dry_run):
                changes += done.changes
                bar.update(task, total=done.of, completed=done.looked)
    show(changes, as_json)


@rating.command(name="check")
def check_ratings(
    mend: Annotated[bool, typer.Option("--mend", help="Set the tallies right.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Count the clients of every list by rating and compare with the tallies; status 1 where they differ."""
    from admin.acts import ratings

    with opened(folder) as office:
        found = ratings.check(office, mend=mend)
    show(found, as_json)
    raise typer.Exit(int(bool(found) and not mend))
