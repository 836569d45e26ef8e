"""`mailloft client conversation list`, `show`, `answer` and `done`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from admin.cli.calling import Call, command

app = typer.Typer(help="What we sent to a client and what he wrote.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(help="The client's.")]


@command(app, "list")
def list_conversations(
    call: Call, cursor: Annotated[str | None, typer.Option(help="Behind this page.")] = None
) -> None:
    """Those that wait for somebody first."""
    from admin.acts import conversation_list

    found = conversation_list.page(call.office, call.project, cursor)
    if call.as_json:
        call.show_one(found)
        return
    call.show(found.items)
    if found.next:
        typer.echo(f"more: --cursor {found.next}")


@command(app, "done", json=False)
def finish_conversation(
    call: Call, address: Address, entry: Annotated[str, typer.Argument(help="The last mail that was looked at, in-N.")]
) -> None:
    """It needs no answer, as far as that mail."""
    from admin.acts import clients, conversation_list

    owner = call.project
    conversation_list.done(call.office, owner, clients.by_address(call.office, owner, address).id, entry)


@command(app, "show")
def show_conversation(
    call: Call,
    address: Address,
    cursor: Annotated[str | None, typer.Option(help="Behind this page.")] = None,
    limit: Annotated[int, typer.Option(help="Entries, newest first.")] = 20,
) -> None:
    """The conversation, newest first; quotations only with --json."""
    from admin.acts import clients, conversations

    owner = call.project
    client = clients.by_address(call.office, owner, address).id
    found = conversations.page(call.office, owner, client, cursor, limit)
    if call.as_json:
        call.show_one(found)
        return
    for entry in found.items:
        arrow = "->" if entry.direction == "out" else "<-"
        typer.echo(f"{arrow} {entry.at.isoformat(timespec='minutes')} {entry.subject} [{entry.state or entry.id}]")
        typer.echo("".join(f"   {line}\n" for line in entry.text.splitlines()))
    if found.next:
        typer.echo(f"more: --cursor {found.next}")


@command(app, "answer")
def answer_conversation(
    call: Call,
    address: Address,
    text: Annotated[
        Path | None, typer.Option("--text", help="A file of UTF-8 text; standard input without it.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="A file of HTML.")] = None,
    subject: Annotated[str | None, typer.Option(help="Else that of what is answered.")] = None,
    mailbox: Annotated[str | None, typer.Option(help="To answer from; else the one that was written to.")] = None,
    entry: Annotated[str | None, typer.Option(help="Which mail is answered, in-N; else the newest.")] = None,
    cc: Annotated[list[str], typer.Option("--cc", help="Who gets a copy; may be given again.")] = [],  # noqa: B006 - typer reads the default
    bcc: Annotated[list[str], typer.Option("--bcc", help="Who gets one unseen; may be given again.")] = [],  # noqa: B006 - typer reads the default
    key: Annotated[str | None, typer.Option(help="A repeat with the same key sends nothing more.")] = None,
) -> None:
    """Answer from a mailbox; a copy is in its folder of sent mail."""
    from admin.acts import answers, clients

    page = html.read_text("utf-8") if html else ""
    words = text.read_text("utf-8") if text else ("" if page else sys.stdin.read())
    draft = answers.Draft(words, page, subject, mailbox, entry, tuple(cc), tuple(bcc))
    owner = call.project
    client = clients.by_address(call.office, owner, address).id
    call.show_one(answers.answer(call.office, owner, client, draft, key))
