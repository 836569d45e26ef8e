"""`mailloft campaign add` and `edit`: a draft made from files, and changed; both take the options of Asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

import typer

from admin.cli.calling import Call, command
from admin.cli.campaign_asked import ONE_FORM, Asked, changed, written

CampaignId = Annotated[int, typer.Argument(metavar="ID", help="Its number, as `campaign list` shows it.")]
_SENDER: Final = typer.Option("--sender", help="The address of its sender.")
_SUBJECT: Final = typer.Option("--subject", help="What readers see first; {{ name }} is a client's variable.")


def add_to(campaign: typer.Typer) -> None:
    command(campaign, "add")(_add)
    command(campaign, "edit")(_edit)


def _add(
    call: Call,
    name: Annotated[str, typer.Argument(help="What it is called here; readers do not see it.")],
    sender: Annotated[str, _SENDER],
    subject: Annotated[str, _SUBJECT],
    asked: Asked,
) -> None:
    """Make a draft."""
    from admin.acts import campaigns
    from admin.acts.campaign_draft import Draft
    from store.campaign_content import Content

    if not (asked.list_name or asked.segment or asked.everyone):
        raise typer.BadParameter("give --list, --segment or both, or --everyone")
    if written(asked) is None:
        raise typer.BadParameter(ONE_FORM)
    owner = call.project
    blank = Draft(name, _sender(call, owner, sender), None, "mailings", Content(subject.strip(), "", None, {}, ()))
    call.show_one(campaigns.create(call.office, owner, changed(call.office, owner, blank, asked)))


def _edit(
    call: Call,
    campaign: CampaignId,
    asked: Asked,
    name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    sender: Annotated[str | None, _SENDER] = None,
    subject: Annotated[str | None, _SUBJECT] = None,
) -> None:
    """Change a draft; what is not named stays."""
    from admin.acts import campaigns

    owner = call.project
    draft = campaigns.draft_of(call.office, owner, campaign)
    named = replace(
        draft,
        name=name or draft.name,
        sender=_sender(call, owner, sender) if sender else draft.sender,
        content=draft.content if subject is None else replace(draft.content, subject=subject.strip()),
    )
    campaigns.edit(call.office, owner, campaign, changed(call.office, owner, named, asked))
    call.show_one(campaigns.get(call.office, owner, campaign))


def _sender(call: Call, owner: int, address: str) -> int:
    from admin.acts import senders

    return senders.by_address(call.office, owner, address).id
