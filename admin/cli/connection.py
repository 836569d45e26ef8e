"""`mailloft connection`: SMTP credentials, asked for by a project and decided by the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

if TYPE_CHECKING:
    from admin.office import Office

app = typer.Typer(help="SMTP credentials for other programs.", no_args_is_help=True)
Name = Annotated[str, typer.Argument()]
Sender = Annotated[str, typer.Option("--sender", help="The address of its one sender.")]
Transactional = Annotated[
    bool, typer.Option("--transactional", help="Somebody waits for its mail: it goes before all other.")
]
Waiting = Annotated[int, typer.Argument(help="Its number, as `connection waiting` shows.")]


@app.command(name="add")
def add_connection(
    name: Name,
    sender: Sender,
    transactional: Transactional = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make an active connection, as the operator; login and password are shown once."""
    from admin.acts import connections

    with opened(folder) as office:
        owner = project_id(office, project)
        found = _sender(office, owner, sender)
        made = connections.create(office, owner, name, found, approved=True, transactional=transactional)
        show_one(made, as_json)


@app.command(name="ask")
def ask_for_connection(
    name: Name,
    sender: Sender,
    purpose: Annotated[str, typer.Option(help="What is sent, and to whom.")],
    volume: Annotated[str, typer.Option(help="How much a day.")],
    source: Annotated[str, typer.Option(help="Where the addresses come from.")],
    transactional: Transactional = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask for one, as the project; the answers decide, and until then nothing is sent from that address."""
    from admin.acts import connections

    answers = {"purpose": purpose, "volume": volume, "source": source}
    with opened(folder) as office:
        owner = project_id(office, project)
        found = _sender(office, owner, sender)
        show_one(connections.ask(office, owner, name, found, answers, transactional), as_json)


@app.command(name="list")
def list_connections(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import connections, pages

    with opened(folder) as office:
        window = pages.Window(limit=pages.LONGEST)
        show(connections.page(office, project_id(office, project), window).items, as_json)


@app.command(name="password")
def new_password(name: Name, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """A new password in place of the old one, shown once."""
    from admin.acts import connections

    with opened(folder) as office:
        owner = project_id(office, project)
        found = connections.by_name(office, owner, name).id
        show_one(connections.new_password(office, owner, found), as_json)


@app.command(name="waiting")
def list_waiting(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Requests of all projects that wait for the operator, the oldest first."""
    from admin.acts import connections

    with opened(folder) as office:
        show(connections.moderated(office), as_json)


@app.command(name="approve")
def approve(connection: Waiting, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Let it send."""
    from admin.acts import connections

    with opened(folder) as office:
        show_one(connections.decide(office, connection, True, ""), as_json)


@app.command(name="reject")
def reject(
    connection: Waiting,
    reason: Annotated[str, typer.Option(help="Why; the project reads it.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Nothing is sent from that address."""
    from admin.acts import connections

    with opened(folder) as office:
        show_one(connections.decide(office, connection, False, reason.strip()), as_json)


def _sender(office: Office, project: int, address: str) -> int:
    from admin.acts import senders

    return senders.by_address(office, project, address).id
