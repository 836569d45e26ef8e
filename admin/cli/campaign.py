"""`mailloft campaign`: drafts (campaign_draft.py), launched through the gate, followed."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from admin.cli import campaign_draft
from admin.cli.calling import Call, command
from admin.cli.campaign_draft import CampaignId

app = typer.Typer(help="Campaigns of a project.", no_args_is_help=True)
campaign_draft.add_to(app)
Client = Annotated[str, typer.Option("--client", help="The address whose variables it has.")]


@command(app, "list")
def list_campaigns(call: Call) -> None:
    """The newest first."""
    from admin.acts import campaigns

    call.show_all(partial(campaigns.page, call.office, call.project))


@command(app, "show")
def show_campaign(call: Call, campaign: CampaignId) -> None:
    """Its state and its recipients by state."""
    from admin.acts import campaigns

    call.show_one(campaigns.get(call.office, call.project, campaign))


@command(app, "report")
def report(call: Call, campaign: CampaignId) -> None:
    """Counts, reasons, deferrals, and what each source delivered."""
    from admin.acts import campaigns

    call.show_one(campaigns.report(call.office, call.project, campaign))


@command(app, "preview")
def preview(call: Call, campaign: CampaignId, client: Client = "") -> None:
    """The draft as a client would read it."""
    from admin.acts import campaign_messages

    call.show_one(campaign_messages.preview(call.office, call.project, campaign, client))


@command(app, "test")
def test(
    call: Call,
    campaign: CampaignId,
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="A mailbox or an authorised sender of the project.")],
    client: Client = "",
) -> None:
    """Send the draft there, marked as a test; no rating and no report counts it."""
    from admin.acts import campaign_tests

    call.show(campaign_tests.send(call.office, call.project, campaign, to, client))


@command(app, "gate")
def gate(call: Call, campaign: CampaignId) -> None:
    """Every reason why it may not be launched now."""
    from admin.acts import campaigns

    call.show(campaigns.gate(call.office, call.project, campaign))


@command(app, "launch")
def launch(
    call: Call,
    campaign: CampaignId,
    at: Annotated[datetime | None, typer.Option("--at", help="When; local time. Now, where it is left out.")] = None,
) -> None:
    """Launch it; what the gate refuses is told with its numbers."""
    from admin.acts import campaigns

    due = None if at is None else at.astimezone()
    call.show_one(campaigns.launch(call.office, call.project, campaign, due))


def _act(name: str, words: str) -> None:
    """A command that calls the act of its name."""

    @command(app, name, words)
    def act(call: Call, campaign: CampaignId) -> None:
        from admin.acts import campaigns

        acts = {"pause": campaigns.pause, "resume": campaigns.resume, "cancel": campaigns.cancel}
        call.show_one(acts[name](call.office, call.project, campaign))


_act("pause", "Stop unsent mail until it is resumed.")
_act("resume", "Go on with a paused campaign.")
_act("cancel", "End it; unsent mail is never sent.")
