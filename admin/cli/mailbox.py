"""`mailloft mailbox`: the mailboxes on the project's domains, and mail brought into them and taken out of them."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from admin.cli import correspondent
from admin.cli.calling import Call, command
from admin.cli.letter_bar import letter_bar, tell_proof

if TYPE_CHECKING:
    from admin.foreign_imap import Account

app = typer.Typer(help="Mailboxes on the project's domains.", no_args_is_help=True)
correspondent.add_to(app)
TOKEN: Final = "MAILLOFT_FOREIGN_TOKEN"  # in the environment, where no list of processes shows it
Address = Annotated[str, typer.Argument(help="The mailbox.")]
Quota = Annotated[int | None, typer.Option(help="Octets of all its mail; without it no limit.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Its first line is the password; else one is made.")
]


def _first_line(file: Path | None) -> str | None:
    return None if file is None else file.read_text("utf-8").partition("\n")[0]


@command(app, "add")
def add_mailbox(call: Call, address: Address, password_file: PasswordFile = None, quota_bytes: Quota = None) -> None:
    """Make a mailbox in a domain of the project; a password that is made is shown once."""
    from admin.acts import mailboxes

    chosen = _first_line(password_file)
    call.show_one(mailboxes.create(call.office, call.project, address, chosen, quota_bytes))


@command(app, "password")
def new_password(call: Call, address: Address, password_file: PasswordFile = None) -> None:
    """Give it a new password; one that is made is shown once."""
    from admin.acts import mailboxes

    chosen = _first_line(password_file)
    call.show_one(mailboxes.new_password(call.office, call.project, address, chosen))


@command(app, "remove", json=False)
def remove_mailbox(
    call: Call, address: Address, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove it with all its mails; `mailbox export` keeps them."""
    from admin.acts import mailboxes

    if not yes:
        typer.confirm(f"Remove {address} and all its mails?", abort=True, err=True)
    mailboxes.remove(call.office, call.project, address)


@command(app, "set")
def change_mailbox(
    call: Call,
    address: Address,
    quota_bytes: Annotated[int | None, typer.Option(help="Octets of all its mail; 0: no limit.")] = None,
    adds_writers: Annotated[
        bool | None, typer.Option("--adds-writers/--no-adds-writers", help="An unknown writer becomes a client.")
    ] = None,
    adds_cards: Annotated[
        bool | None, typer.Option("--adds-cards/--no-adds-cards", help="Who is on an attached vCard becomes a client.")
    ] = None,
) -> None:
    """Change its quota and switches; what is not named stays."""
    from admin.acts import mailboxes

    asked = {"quota_bytes": quota_bytes, "adds_writers": adds_writers, "adds_cards": adds_cards}
    values = {name: value or None if name == "quota_bytes" else value for name, value in asked.items()}
    values = {name: value for name, value in values.items() if asked[name] is not None}
    call.show_one(mailboxes.change(call.office, call.project, address, values))


@command(app, "hide", json=False)
def hide_capabilities(
    call: Call,
    address: Address,
    names: Annotated[list[str] | None, typer.Argument(help="IMAP capabilities, as QRESYNC; none: all again.")] = None,
) -> None:
    """Keep capabilities from a mail program that fails with them; from its next sign-in on."""
    from admin.acts import mailboxes

    mailboxes.hide_capabilities(call.office, call.project, address, names or [])


@command(app, "renew-uidvalidity", project=False, json=False)
def renew_uidvalidity(call: Call) -> None:
    """After a restore from a backup: mail programs read every folder anew."""
    from admin.acts import mailboxes

    typer.echo(f"{mailboxes.renew_uidvalidity(call.office)} folders have a new UIDVALIDITY")


@command(app, "list")
def list_mailboxes(call: Call) -> None:
    """With the quota and the switches of each."""
    from admin.acts import mailboxes

    call.show_all(partial(mailboxes.page, call.office, call.project))


@command(app, "import")
def import_letters(
    call: Call,
    address: Address,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="An mbox, a Maildir, or a folder of mboxes.")],
    into: Annotated[
        str | None, typer.Option("--folder", help="Into this folder, what PATH has below it in folders below.")
    ] = None,
    mboxo: Annotated[bool, typer.Option("--mboxo", help="In the mbox only `From `, not `>From `, is quoted.")] = False,
) -> None:
    """Bring mails in with their flags and dates; a second run brings only what is not there yet."""
    from admin.acts import letters
    from mail.mbox import Quoting

    with letter_bar("import") as seen:
        quoting = Quoting.O if mboxo else Quoting.RD
        proof = letters.bring(call.office, call.project, address, path.resolve(), into, quoting, seen)
    raise typer.Exit(tell_proof(proof, call.as_json))


@command(app, "export")
def export_letters(
    call: Call,
    address: Address,
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A folder; what is new in it is added.")],
    mbox: Annotated[bool, typer.Option("--mbox", help="A file for each folder (mboxrd) instead of a Maildir.")] = False,
) -> None:
    """Write every folder into a Maildir (Maildir++), octets, flags and dates as they are."""
    from admin.acts import letters

    with letter_bar("export") as seen:
        owner = call.project
        proof = letters.take_out(call.office, owner, address, destination.resolve(), mbox=mbox, seen=seen)
    raise typer.Exit(tell_proof(proof, call.as_json))


@command(app, "migrate")
def migrate_letters(
    call: Call,
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
) -> None:
    """Bring a mailbox of another IMAP server in; it stays as it is there, and a second run takes only what is new."""
    from admin.acts import letters

    account = _account(host, port, user, password_file, token_file, tls, ca_file)
    with letter_bar("migrate") as seen:
        proof = letters.migrate(call.office, call.project, address, account, seen)
    raise typer.Exit(tell_proof(proof, call.as_json))


def _account(
    host: str, port: int | None, user: str, password_file: Path | None, token_file: Path | None, tls: str,
    ca_file: Path | None,
) -> Account:  # fmt: skip
    """Whose mails are brought, with the password asked for where no file and no variable has a secret."""
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
    return Account(
        host,
        port or (993 if way is Tls.IMPLICIT else 143),
        user,
        password or token or "",
        way,
        ca_file,
        by_token=token is not None,
    )
