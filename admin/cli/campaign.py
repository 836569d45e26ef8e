"""`mailloft campaign`: made from files, launched through the gate, followed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from admin.cli.opening import HERE, AsJson, Folder, ProjectName, opened, project_id, show, show_one

app = typer.Typer(help="Campaigns of a project.", no_args_is_help=True)
CampaignId = Annotated[int, typer.Argument(metavar="ID")]


@app.command(name="add")
def add_campaign(
    name: Annotated[str, typer.Argument()],
    sender: Annotated[str, typer.Option("--sender", help="The address of its sender.")],
    list_name: Annotated[str, typer.Option("--list")],
    subject: Annotated[str, typer.Option("--subject")],
    html: Annotated[Path, typer.Option("--html", help="A file with the HTML of the message.")],
    text: Annotated[Path | None, typer.Option("--text", help="A file with its text; else it is made.")] = None,
    pool: Annotated[str, typer.Option("--pool")] = "mailings",
    project: ProjectName = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a draft."""
    from admin.acts import campaigns, lists, senders
    from store.campaign_content import Content

    words = text.read_text("utf-8") if text else None
    content = Content(subject, html.read_text("utf-8"), words, {}, ())
    with opened(folder) as office:
        owner = project_id(office, project)
        draft = campaigns.Draft(
            name,
            senders.by_address(office, owner, sender).id,
            lists.by_name(office, owner, list_name).id,
            pool,
            content,
        )
        show_one(campaigns.create(office, owner, draft), as_json)


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
def launch(campaign: CampaignId, project: ProjectName = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Launch it now; what the gate refuses is told with its numbers."""
    from admin.acts import campaigns

    with opened(folder) as office:
        show_one(campaigns.launch(office, project_id(office, project), campaign, None), as_json)


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
