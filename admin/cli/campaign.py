"""`mailloft campaign`: made from files, launched through the gate, followed."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

if TYPE_CHECKING:
    from store.campaign_content import Attachment

app = typer.Typer(help="Campaigns of a project.", no_args_is_help=True)
CampaignId = Annotated[int, typer.Argument(metavar="ID")]


@app.command(name="add")
def add_campaign(
    name: Annotated[str, typer.Argument()],
    sender: Annotated[str, typer.Option("--sender", help="The address of its sender.")],
    list_name: Annotated[str, typer.Option("--list")],
    subject: Annotated[str, typer.Option("--subject")],
    segment: Annotated[str | None, typer.Option("--segment", help="Of the list only those whom it means.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="A file with the HTML of the message.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="The same, written in Markdown.")] = None,
    mjml: Annotated[Path | None, typer.Option("--mjml", help="The same, written in MJML.")] = None,
    attach: Annotated[list[Path] | None, typer.Option("--attach", help="A file that goes with it.")] = None,
    from_name: Annotated[str, typer.Option("--from-name", help="In place of the sender's own name.")] = "",
    interval: Annotated[float, typer.Option("--interval", help="Seconds between two messages.")] = 0,
    parts: Annotated[int, typer.Option("--parts")] = 1,
    part_every: Annotated[float, typer.Option("--part-every", help="Seconds from one part to the next.")] = 0,
    history: Annotated[bool, typer.Option(help="Keep it in the clients' conversations.")] = True,
    text: Annotated[Path | None, typer.Option("--text", help="A file with its text; else it is made.")] = None,
    pool: Annotated[str, typer.Option("--pool")] = "mailings",
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a draft."""
    from admin.acts import campaign_messages, campaigns, lists, segments, senders
    from policy.timetable import Timetable
    from store.campaigns import Sending

    words = text.read_text("utf-8") if text else None
    form, source = _written(html=html, markdown=markdown, mjml=mjml)
    content = campaign_messages.compose(
        subject, form, source, words, attachments=[_attached(one) for one in attach or []]
    )
    table = Timetable(timedelta(seconds=interval), parts, timedelta(seconds=part_every))
    with opened(folder) as office:
        owner = project_id(office, project)
        draft = campaigns.Draft(
            name,
            senders.by_address(office, owner, sender).id,
            lists.by_name(office, owner, list_name).id,
            pool,
            content,
            Sending(from_name.strip(), table, history),
            segments.by_name(office, owner, segment) if segment else None,
        )
        show_one(campaigns.create(office, owner, draft), as_json)


@app.command(name="edit")
def edit_campaign(
    campaign: CampaignId,
    name: Annotated[str | None, typer.Option("--name")] = None,
    sender: Annotated[str | None, typer.Option("--sender", help="The address of its sender.")] = None,
    list_name: Annotated[str | None, typer.Option("--list")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help='"" for the whole list.')] = None,
    subject: Annotated[str | None, typer.Option("--subject")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="A file with the HTML of the message.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="The same, written in Markdown.")] = None,
    mjml: Annotated[Path | None, typer.Option("--mjml", help="The same, written in MJML.")] = None,
    text: Annotated[Path | None, typer.Option("--text", help="A file with its text.")] = None,
    attach: Annotated[
        list[Path] | None, typer.Option("--attach", help="In place of the files that go with it.")
    ] = None,
    pool: Annotated[str | None, typer.Option("--pool")] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Change a draft; what is not named stays."""
    from admin.acts import campaign_messages, campaigns, lists, segments, senders

    with opened(folder) as office:
        owner = project_id(office, project)
        draft = campaigns.draft_of(office, owner, campaign)
        content = draft.content if subject is None else replace(draft.content, subject=subject.strip())
        if html or markdown or mjml:
            form, source = _written(html=html, markdown=markdown, mjml=mjml)
            content = campaign_messages.compose(
                content.subject, form, source, content.text, content.defaults, content.attachments
            )
        if text:
            content = replace(content, text=text.read_text("utf-8"))
        if attach:
            content = replace(content, attachments=tuple(_attached(one) for one in attach))
        if segment is not None:
            draft = replace(draft, segment=segments.by_name(office, owner, segment) if segment else None)
        changed = replace(
            draft,
            name=name or draft.name,
            sender=senders.by_address(office, owner, sender).id if sender else draft.sender,
            list=lists.by_name(office, owner, list_name).id if list_name else draft.list,
            pool=pool or draft.pool,
            content=content,
        )
        campaigns.edit(office, owner, campaign, changed)
        show_one(campaigns.get(office, owner, campaign), as_json)


def _written(**files: Path | None) -> tuple[str, str]:
    """The form and the source; one of the files must be given."""
    given = [(form, file) for form, file in files.items() if file is not None]
    if len(given) != 1:
        raise typer.BadParameter("give one of --html, --markdown and --mjml")
    return given[0][0], given[0][1].read_text("utf-8")


def _attached(file: Path) -> Attachment:
    from store.campaign_content import Attachment

    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Attachment(file.name, kind, None, file.read_bytes())


@app.command(name="list")
def list_campaigns(project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """The newest first."""
    from admin.acts import campaigns, pages

    with opened(folder) as office:
        show(campaigns.page(office, project_id(office, project), pages.Window()).items, as_json)


@app.command(name="show")
def show_campaign(
    campaign: CampaignId, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Its state and its recipients by state."""
    from admin.acts import campaigns

    with opened(folder) as office:
        show_one(campaigns.get(office, project_id(office, project), campaign), as_json)


@app.command()
def report(campaign: CampaignId, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Counts, reasons, deferrals, and what each source delivered."""
    from admin.acts import campaigns

    with opened(folder) as office:
        show_one(campaigns.report(office, project_id(office, project), campaign), as_json)


@app.command()
def preview(
    campaign: CampaignId,
    client: Annotated[str, typer.Option("--client", help="The address whose variables it has.")] = "",
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """The draft as a client would read it."""
    from admin.acts import campaign_messages

    with opened(folder) as office:
        show_one(campaign_messages.preview(office, project_id(office, project), campaign, client), as_json)


@app.command()
def test(
    campaign: CampaignId,
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="A mailbox or an authorised sender of the project.")],
    client: Annotated[str, typer.Option("--client", help="The address whose variables it has.")] = "",
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Send the draft there, marked as a test; no rating and no report counts it."""
    from admin.acts import campaign_tests

    with opened(folder) as office:
        show(campaign_tests.send(office, project_id(office, project), campaign, to, client), as_json)


@app.command()
def gate(campaign: CampaignId, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Every reason why it may not be launched now."""
    from admin.acts import campaigns

    with opened(folder) as office:
        show(campaigns.gate(office, project_id(office, project), campaign), as_json)


@app.command()
def launch(
    campaign: CampaignId,
    at: Annotated[datetime | None, typer.Option("--at", help="When; local time. Now, where it is left out.")] = None,
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Launch it; what the gate refuses is told with its numbers."""
    from admin.acts import campaigns

    due = None if at is None else at.astimezone()
    with opened(folder) as office:
        show_one(campaigns.launch(office, project_id(office, project), campaign, due), as_json)


def _act(name: str, words: str) -> None:
    """A command that calls the act of its name."""

    def command(
        campaign: CampaignId, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False
    ) -> None:
        from admin.acts import campaigns

        acts: dict[str, Callable[..., Any]] = {
            "pause": campaigns.pause,
            "resume": campaigns.resume,
            "cancel": campaigns.cancel,
        }
        with opened(folder) as office:
            show_one(acts[name](office, project_id(office, project), campaign), as_json)

    app.command(name=name, help=words)(command)


_act("pause", "Stop unsent mail until it is resumed.")
_act("resume", "Go on with a paused campaign.")
_act("cancel", "End it; unsent mail is never sent.")
