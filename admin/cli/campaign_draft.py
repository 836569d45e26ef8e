"""`mailloft campaign add` and `edit`: a draft made from files, and changed."""

from __future__ import annotations

import mimetypes
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from admin.cli.calling import Call, command

if TYPE_CHECKING:
    from mail.attachment import Attachment
    from store.campaign_content import Content

CampaignId = Annotated[int, typer.Argument(metavar="ID")]
Html = Annotated[Path | None, typer.Option("--html", help="A file with the HTML of the message.")]
Markdown = Annotated[Path | None, typer.Option("--markdown", help="The same, written in Markdown.")]
Mjml = Annotated[Path | None, typer.Option("--mjml", help="The same, written in MJML.")]


def add_to(campaign: typer.Typer) -> None:
    command(campaign, "add")(_add)
    command(campaign, "edit")(_edit)


def _add(
    call: Call,
    name: Annotated[str, typer.Argument()],
    sender: Annotated[str, typer.Option("--sender", help="The address of its sender.")],
    subject: Annotated[str, typer.Option("--subject")],
    list_name: Annotated[str | None, typer.Option("--list", help="To this list.")] = None,
    segment: Annotated[
        str | None, typer.Option("--segment", help="Of the list, or of all clients, only those whom it means.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="To all clients of the project.")] = False,
    html: Html = None,
    markdown: Markdown = None,
    mjml: Mjml = None,
    attach: Annotated[list[Path] | None, typer.Option("--attach", help="A file that goes with it.")] = None,
    from_name: Annotated[str, typer.Option("--from-name", help="In place of the sender's own name.")] = "",
    interval: Annotated[float, typer.Option("--interval", help="Seconds between two messages.")] = 0,
    parts: Annotated[int, typer.Option("--parts")] = 1,
    part_every: Annotated[float, typer.Option("--part-every", help="Seconds from one part to the next.")] = 0,
    part_at: Annotated[
        list[datetime] | None, typer.Option("--part-at", help="When the next part begins instead; once for each part.")
    ] = None,
    history: Annotated[bool, typer.Option(help="Keep it in the clients' conversations.")] = True,
    text: Annotated[Path | None, typer.Option("--text", help="A file with its text; else it is made.")] = None,
    pool: Annotated[str, typer.Option("--pool")] = "mailings",
) -> None:
    """Make a draft."""
    from admin.acts import campaign_messages, campaign_sending, campaigns
    from admin.acts.campaign_draft import Draft

    if not (list_name or segment or everyone):
        raise typer.BadParameter("give --list, --segment or both, or --everyone")
    words = text.read_text("utf-8") if text else None
    content = campaign_messages.compose(
        subject, *_written(html=html, markdown=markdown, mjml=mjml), words, attachments=_attached(attach)
    )
    every, times = timedelta(seconds=part_every), [one.astimezone() for one in part_at or []]
    owner = call.project
    draft = Draft(
        name,
        _sender(call, owner, sender),
        _list(call, owner, list_name) if list_name else None,
        pool,
        content,
        campaign_sending.asked(from_name, timedelta(seconds=interval), parts, every, times, history=history),
        _segment(call, owner, segment),
    )
    call.show_one(campaigns.create(call.office, owner, draft))


def _edit(
    call: Call,
    campaign: CampaignId,
    name: Annotated[str | None, typer.Option("--name")] = None,
    sender: Annotated[str | None, typer.Option("--sender", help="The address of its sender.")] = None,
    list_name: Annotated[str | None, typer.Option("--list", help='"" for all clients of the project.')] = None,
    segment: Annotated[str | None, typer.Option("--segment", help='"" for all of the list.')] = None,
    subject: Annotated[str | None, typer.Option("--subject")] = None,
    html: Html = None,
    markdown: Markdown = None,
    mjml: Mjml = None,
    text: Annotated[Path | None, typer.Option("--text", help="A file with its text.")] = None,
    attach: Annotated[
        list[Path] | None, typer.Option("--attach", help="In place of the files that go with it.")
    ] = None,
    pool: Annotated[str | None, typer.Option("--pool")] = None,
) -> None:
    """Change a draft; what is not named stays."""
    from admin.acts import campaigns

    owner = call.project
    draft = campaigns.draft_of(call.office, owner, campaign)
    content = draft.content if subject is None else replace(draft.content, subject=subject.strip())
    if html or markdown or mjml:
        content = _rewritten(content, *_written(html=html, markdown=markdown, mjml=mjml))
    if text:
        content = replace(content, text=text.read_text("utf-8"))
    if attach:
        content = replace(content, attachments=_attached(attach))
    changed = replace(
        draft,
        name=name or draft.name,
        sender=_sender(call, owner, sender) if sender else draft.sender,
        list=draft.list if list_name is None else _list(call, owner, list_name) if list_name else None,
        segment=draft.segment if segment is None else _segment(call, owner, segment),
        pool=pool or draft.pool,
        content=content,
    )
    campaigns.edit(call.office, owner, campaign, changed)
    call.show_one(campaigns.get(call.office, owner, campaign))


def _rewritten(content: Content, form: str, source: str) -> Content:
    from admin.acts import campaign_messages

    return campaign_messages.compose(content.subject, form, source, content.text, content.defaults, content.attachments)


def _written(**files: Path | None) -> tuple[str, str]:
    """The form and the source; one of the files must be given."""
    given = [(form, file) for form, file in files.items() if file is not None]
    if len(given) != 1:
        raise typer.BadParameter("give one of --html, --markdown and --mjml")
    return given[0][0], given[0][1].read_text("utf-8")


def _attached(files: list[Path] | None) -> tuple[Attachment, ...]:
    return tuple(_attachment(file) for file in files or [])


def _attachment(file: Path) -> Attachment:
    from mail.attachment import Attachment

    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Attachment(file.name, kind, file.read_bytes())


def _sender(call: Call, owner: int, address: str) -> int:
    from admin.acts import senders

    return senders.by_address(call.office, owner, address).id


def _list(call: Call, owner: int, name: str) -> int:
    from admin.acts import lists

    return lists.by_name(call.office, owner, name).id


def _segment(call: Call, owner: int, name: str | None) -> int | None:
    from admin.acts import segments

    return segments.by_name(call.office, owner, name) if name else None
