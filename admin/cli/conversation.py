"""`mailloft client conversation list`, `show`, `answer` and `done`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(help="What we sent to a client and what he wrote.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(help="The client's.")]


@app.command(name="list")
def list_conversations(
    cursor: Annotated[str | None, typer.Option(help="Behind this page.")] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Those that wait for somebody first."""
    from admin.acts import conversation_list

    with opened(folder) as office:
        found = conversation_list.page(office, project_id(office, project), cursor)
    if as_json:
        show_one(found, as_json)
        return
    show(found.items, as_json)
    if found.next:
        typer.echo(f"more: --cursor {found.next}")


@app.command(name="done")
def finish_conversation(
    address: Address,
    entry: Annotated[str, typer.Argument(help="The last mail that was looked at, in-N.")],
    project: ProjectName = None,
    folder: Folder = HERE,
) -> None:
    """It needs no answer, as far as that mail."""
    from admin.acts import clients, conversation_list

    with opened(folder) as office:
        owner = project_id(office, project)
        conversation_list.done(office, owner, clients.by_address(office, owner, address).id, entry)


@app.command(name="show")
def show_conversation(
    address: Address,
    cursor: Annotated[str | None, typer.Option(help="Behind this page.")] = None,
    limit: Annotated[int, typer.Option(help="Entries, newest first.")] = 20,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """The conversation, newest first; quotations only with --json."""
    from admin.acts import clients, conversations

    with opened(folder) as office:
        owner = project_id(office, project)
        client = clients.by_address(office, owner, address).id
        found = conversations.page(office, owner, client, cursor, limit)
    if as_json:
        show_one(found, as_json)
        return
    for entry in found.items:
        arrow = "->" if entry.direction == "out" else "<-"
        typer.echo(f"{arrow} {entry.at.isoformat(timespec='minutes')} {entry.subject} [{entry.state or entry.id}]")
        typer.echo("".join(f"   {line}\n" for line in entry.text.splitlines()))
    if found.next:
        typer.echo(f"more: --cursor {found.next}")


@app.command(name="answer")
def answer_conversation(
    address: Address,
    text: Annotated[
        Path | None, typer.Option("--text", help="A file of UTF-8 text; standard input without it.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="A file of HTML.")] = None,
    subject: Annotated[str | None, typer.Option(help="Else that of what is answered.")] = None,
    mailbox: Annotated[str | None, typer.Option(help="To answer from; else the one that was written to.")] = None,
    entry: Annotated[str | None, typer.Option(help="Which mail is answered, in-N; else the newest.")] = None,
    cc: Annotated[list[str], typer.Option("--cc")] = [],  # noqa: B006 - typer reads the default
    bcc: Annotated[list[str], typer.Option("--bcc")] = [],  # noqa: B006 - typer reads the default
    key: Annotated[str | None, typer.Option(help="A repeat with the same key sends nothing more.")] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Answer from a mailbox; a copy is in its folder of sent mail."""
    from admin.acts import answers, clients

    page = html.read_text("utf-8") if html else ""
    words = text.read_text("utf-8") if text else ("" if page else sys.stdin.read())
    draft = answers.Draft(words, page, subject, mailbox, entry, tuple(cc), tuple(bcc))
    with opened(folder) as office:
        owner = project_id(office, project)
        client = clients.by_address(office, owner, address).id
        show_one(answers.answer(office, owner, client, draft, key), as_json)
