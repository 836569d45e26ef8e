"""`mailloft client` and `mailloft rating`."""

from __future__ import annotations

from typing import Annotated

import typer

from admin.cli import conversation
from admin.cli.calling import Call, command
from admin.cli.counting_bar import counting_bar

app = typer.Typer(help="Clients, the addressees of a project.", no_args_is_help=True)
app.add_typer(conversation.app, name="conversation")
rating = typer.Typer(help="Ratings of clients and their history.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(help="The client's.")]


@command(app, "list")
def list_clients(
    call: Call,
    list_name: Annotated[str | None, typer.Option("--list", help="Of this list alone.")] = None,
    after: Annotated[int, typer.Option(help="Behind the client of this id.")] = 0,
) -> None:
    """At most a thousand at once, the oldest first."""
    from admin.acts import clients, lists, pages

    owner = call.project
    list_id = lists.by_name(call.office, owner, list_name).id if list_name else None
    call.show(clients.page(call.office, owner, list_id, pages.Window(after, pages.LONGEST)).items)


@command(app, "add")
def add_client(
    call: Call,
    address: Address,
    list_names: Annotated[list[str], typer.Option("--list", help="A list to be on; may be given again.")] = [],  # noqa: B006 - typer reads the default
) -> None:
    """Add a client by hand, with rating 10."""
    from admin.acts import clients, lists

    owner = call.project
    ids = [lists.by_name(call.office, owner, name).id for name in list_names]
    call.show_one(clients.create(call.office, owner, address, ids, {}))


@command(app, "show")
def show_client(call: Call, address: Address) -> None:
    """Rating with its causes, consent, lists and variables."""
    from admin.acts import clients

    call.show_one(clients.by_address(call.office, call.project, address))


@command(rating, "show")
def show_rating(call: Call, address: Address) -> None:
    """Every change of a client's rating with its cause."""
    from admin.acts import clients

    found = clients.by_address(call.office, call.project, address)
    if not call.as_json:
        typer.echo(f"{found.address}: {found.rating}")
    call.show(found.rating_history)


@command(rating, "set")
def set_rating(
    call: Call,
    address: Address,
    value: Annotated[int, typer.Argument(min=1, max=10, help="1: no mail any more, 10: the best.")],
) -> None:
    """Set it by hand; consent stays as it is."""
    from admin.acts import clients

    owner = call.project
    client = clients.by_address(call.office, owner, address).id
    call.show_one(clients.rate(call.office, owner, client, value, "the operator"))


@command(rating, "replay")
def replay_ratings(
    call: Call,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change, save nothing.")] = False,
) -> None:
    """Judge every failure anew by the rules of today and set each rating to what follows; consent stays."""
    from admin.acts import ratings

    changes = []
    with counting_bar() as bar:
        task = bar.add_task("replay", total=None)
        for done in ratings.replay_all(call.office, call.scope, 0, dry_run=dry_run):
            changes += done.changes
            bar.update(task, total=done.of, completed=done.looked)
    call.show(changes)


@command(rating, "check", project=False)
def check_ratings(
    call: Call, mend: Annotated[bool, typer.Option("--mend", help="Set the tallies right.")] = False
) -> None:
    """Count the clients of every list by rating and compare with the tallies; status 1 where they differ."""
    from admin.acts import ratings

    found = ratings.check(call.office, mend=mend)
    call.show(found)
    raise typer.Exit(int(bool(found) and not mend))
