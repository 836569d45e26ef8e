"""`mailloft connection`: SMTP credentials, asked for by a project and decided by the operator."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from admin.cli.calling import Call, command

if TYPE_CHECKING:
    from admin.office import Office

app = typer.Typer(help="SMTP credentials for other programs.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Which program it is for.")]
Sender = Annotated[str, typer.Option("--sender", help="The address of its one sender.")]
Transactional = Annotated[
    bool, typer.Option("--transactional", help="Somebody waits for its mail: it goes before all other.")
]
Waiting = Annotated[int, typer.Argument(help="Its number, as `connection waiting` shows.")]


@command(app, "add")
def add_connection(call: Call, name: Name, sender: Sender, transactional: Transactional = False) -> None:
    """Make an active connection, as the operator; login and password are shown once."""
    from admin.acts import connections

    owner = call.project
    found = _sender(call.office, owner, sender)
    made = connections.create(call.office, owner, name, found, approved=True, transactional=transactional)
    call.show_one(made)


@command(app, "ask")
def ask_for_connection(
    call: Call,
    name: Name,
    sender: Sender,
    purpose: Annotated[str, typer.Option(help="What is sent, and to whom.")],
    volume: Annotated[str, typer.Option(help="How much a day.")],
    source: Annotated[str, typer.Option(help="Where the addresses come from.")],
    transactional: Transactional = False,
) -> None:
    """Ask for one, as the project; the answers decide, and until then nothing is sent from that address."""
    from admin.acts import connections

    answers = {"purpose": purpose, "volume": volume, "source": source}
    owner = call.project
    found = _sender(call.office, owner, sender)
    call.show_one(connections.ask(call.office, owner, name, found, answers, transactional))


@command(app, "list")
def list_connections(call: Call) -> None:
    """With login, sender and state."""
    from admin.acts import connections

    call.show_all(partial(connections.page, call.office, call.project))


@command(app, "password")
def new_password(call: Call, name: Name) -> None:
    """A new password in place of the old one, shown once."""
    from admin.acts import connections

    owner = call.project
    found = connections.by_name(call.office, owner, name).id
    call.show_one(connections.new_password(call.office, owner, found))


@command(app, "waiting", project=False)
def list_waiting(call: Call) -> None:
    """Requests of all projects that wait for the operator, the oldest first."""
    from admin.acts import connections

    call.show(connections.moderated(call.office))


@command(app, "approve", project=False)
def approve(call: Call, connection: Waiting) -> None:
    """Let it send."""
    from admin.acts import connections

    call.show_one(connections.decide(call.office, connection, True, ""))


@command(app, "reject", project=False)
def reject(
    call: Call, connection: Waiting, reason: Annotated[str, typer.Option(help="Why; the project reads it.")]
) -> None:
    """Nothing is sent from that address."""
    from admin.acts import connections

    call.show_one(connections.decide(call.office, connection, False, reason.strip()))


def _sender(office: Office, project: int, address: str) -> int:
    from admin.acts import senders

    return senders.by_address(office, project, address).id
