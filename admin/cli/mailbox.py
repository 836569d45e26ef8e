"""`mailloft mailbox`: the mailboxes on the project's domains, and mail brought into them and taken out of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from admin.cli import correspondent
from admin.cli.letter_bar import letter_bar, tell_proof
from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(help="Mailboxes on the project's domains.", no_args_is_help=True)
correspondent.add_to(app)
TOKEN: Final = "MAILLOFT_FOREIGN_TOKEN"  # in the environment, where no list of processes shows it
Address = Annotated[str, typer.Argument()]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Its first line is the password; else one is made.")
]


def _first_line(file: Path | None) -> str | None:
    return None if file is None else file.read_text("utf-8").partition("\n")[0]


@app.command(name="add")
def add_mailbox(
    address: Address,
    password_file: PasswordFile = None,
    quota_bytes: int | None = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    from admin.acts import mailboxes

    with opened(folder) as office:
        chosen = _first_line(password_file)
        made = mailboxes.create(office, project_id(office, project), address, chosen, quota_bytes)
        show_one(made, as_json)


@app.command(name="password")
def new_password(
    address: Address,
    password_file: PasswordFile = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Give it a new password; one that is made is shown once."""
    from admin.acts import mailboxes

    with opened(folder) as office:
        chosen = _first_line(password_file)
        show_one(mailboxes.new_password(office, project_id(office, project), address, chosen), as_json)


@app.command(name="remove")
def remove_mailbox(
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    project: ProjectName = None,
    folder: Folder = HERE,
) -> None:
    """Remove it with all its mails; `mailbox export` keeps them."""
    from admin.acts import mailboxes

    if not yes:
        typer.confirm(f"Remove {address} and all its mails?", abort=True, err=True)
    with opened(folder) as office:
        mailboxes.remove(office, project_id(office, project), address)


@app.command(name="set")
def change_mailbox(
    address: Address,
    quota_bytes: Annotated[int | None, typer.Option(help="Octets of all its mail; 0: no limit.")] = None,
    adds_writers: Annotated[
        bool | None, typer.Option("--adds-writers/--no-adds-writers", help="An unknown writer becomes a client.")
    ] = None,
    adds_cards: Annotated[
        bool | None, typer.Option("--adds-cards/--no-adds-cards", help="Who is on an attached vCard becomes a client.")
    ] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Change its quota and switches; what is not named stays."""
    from admin.acts import mailboxes

    asked = {"quota_bytes": quota_bytes, "adds_writers": adds_writers, "adds_cards": adds_cards}
    values = {name: value or None if name == "quota_bytes" else value for name, value in asked.items()}
    values = {name: value for name, value in values.items() if asked[name] is not None}
    with opened(folder) as office:
        show_one(mailboxes.change(office, project_id(office, project), address, values), as_json)


@app.command(name="hide")
def hide_capabilities(
    address: Address,
    names: Annotated[list[str] | None, typer.Argument(help="IMAP capabilities, as QRESYNC; none: all again.")] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
) -> None:
    """Keep capabilities from a mail program that fails with them; from its next sign-in on."""
    from admin.acts import mailboxes

    with opened(folder) as office:
        mailboxes.hide_capabilities(office, project_id(office, project), address, names or [])


@app.command(name="renew-uidvalidity")
def renew_uidvalidity(folder: Folder = HERE) -> None:
    """After a restore from a backup: mail programs read every folder anew."""
    from admin.acts import mailboxes

    with opened(folder) as office:
        typer.echo(f"{mailboxes.renew_uidvalidity(office)} folders have a new UIDVALIDITY")


@app.command(name="list")
def list_mailboxes(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    from admin.acts import mailboxes, pages

    with opened(folder) as office:
        window = pages.Window(limit=pages.LONGEST)
        show(mailboxes.page(office, project_id(office, project), window).items, as_json)


@app.command(name="import")
def import_letters(
    address: Address,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="An mbox, a Maildir, or a folder of mboxes.")],
    into: Annotated[
        str | None, typer.Option("--folder", help="Into this folder, what PATH has below it in folders below.")
    ] = None,
    mboxo: Annotated[bool, typer.Option("--mboxo", help="In the mbox only `From `, not `>From `, is quoted.")] = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring mails in with their flags and dates; a second run brings only what is not there yet."""
    from admin.acts import letters
    from mail.mbox import Quoting

    with opened(folder) as office, letter_bar("import") as seen:
        quoting = Quoting.O if mboxo else Quoting.RD
        proof = letters.bring(office, project_id(office, project), address, path.resolve(), into, quoting, seen)
    raise typer.Exit(tell_proof(proof, as_json))


@app.command(name="export")
def export_letters(
    address: Address,
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A folder; what is new in it is added.")],
    mbox: Annotated[bool, typer.Option("--mbox", help="A file for each folder (mboxrd) instead of a Maildir.")] = False,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write every folder into a Maildir (Maildir++), octets, flags and dates as they are."""
    from admin.acts import letters

    with opened(folder) as office, letter_bar("export") as seen:
        owner = project_id(office, project)
        proof = letters.take_out(office, owner, address, destination.resolve(), mbox=mbox, seen=seen)
    raise typer.Exit(tell_proof(proof, as_json))


@app.command(name="migrate")
def migrate_letters(
    address: Address,
    host: Annotated[str, typer.Option("--host", help="The other IMAP server.")],
    user: Annotated[str, typer.Option("--user", help="The login there.")],
    port: Annotated[int | None, typer.Option("--port", help="993; 143 with starttls or none.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="Its first line is the password there; else it is asked for.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help=f"Its first line is an access token for XOAUTH2; else {TOKEN} may hold it."),
    ] = None,
    tls: Annotated[str, typer.Option("--tls", help="tls, starttls or none.")] = "tls",
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", help="PEM: who signed its certificate, if not one that all know.")
    ] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring a mailbox of another IMAP server in; it stays as it is there, and a second run takes only what is new."""
    from admin.acts import letters
    from admin.foreign_imap import Account, Tls
    from admin.refusals import InvalidError

    if tls not in {way.value for way in Tls}:
        raise InvalidError(f"--tls {tls}: tls, starttls or none")
    way = Tls(tls)
    if password_file is not None and token_file is not None:
        raise InvalidError("--password-file and --token-file: one of them")
    password = _first_line(password_file)
    token = (_first_line(token_file) or os.environ.get(TOKEN)) if password is None else None
    if password is None and token is None:
        password = typer.prompt(f"Password of {user} at {host}", hide_input=True, err=True)
    account = Account(
        host,
        port or (993 if way is Tls.IMPLICIT else 143),
        user,
        password or token or "",
        way,
        ca_file,
        by_token=token is not None,
    )
    with opened(folder) as office, letter_bar("migrate") as seen:
        proof = letters.migrate(office, project_id(office, project), address, account, seen)
    raise typer.Exit(tell_proof(proof, as_json))
