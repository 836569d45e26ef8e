"""/campaigns of a project: drafted, launched through the gate, paused, resumed, cancelled, followed."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from admin.acts import campaign_messages, campaign_sending, campaign_tests, campaigns
from admin.acts.campaign_draft import Draft
from admin.acts.campaign_messages import Preview
from admin.acts.campaign_tests import TestView
from admin.acts.campaigns import CampaignLine, CampaignView, Launched, RecipientView
from admin.acts.gate import reasons_of
from admin.acts.pages import Page
from admin.api.attachments import AttachmentRequest, attached
from admin.api.doors import InProject, InWindow, TheOffice
from admin.refusals import InvalidError
from mail.markup import Form

router = APIRouter(tags=["campaigns"])


class CampaignRequest(BaseModel):
    """To those on `list` whom `segment` means, or to all on it; without a list to those of the project whom `segment`
    means, or to all of them where `everyone` says so. `html` is what is sent, or `source` is made into it:
    `form` says what that is written in.

    `interval` between two messages and `part_every` between two of the `parts` are seconds; `part_at` says instead when
    the second part begins, the third, and so on.
    """

    model_config = ConfigDict(extra="forbid")
    name: str
    sender: int
    list: int | None = None
    segment: int | None = None
    everyone: bool = False
    subject: str
    html: str = ""
    form: Form = Form.HTML
    source: str = ""
    text: str | None = None
    defaults: dict[str, str] = {}
    attachments: tuple[AttachmentRequest, ...] = ()
    pool: str = "mailings"
    from_name: str = ""
    interval: Annotated[float, Field(ge=0, le=3600)] = 0
    parts: int = 1
    part_every: Annotated[int, Field(ge=0, le=604800)] = 0
    part_at: tuple[AwareDatetime, ...] = ()
    history: bool = True


class TestRequest(BaseModel):
    """`client`: the address of the client whose variables it has; the list's first where it is left out."""

    model_config = ConfigDict(extra="forbid")
    to: str
    client: str = ""


class LaunchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    at: AwareDatetime | None = None


@router.post("/campaigns", status_code=201)
def create_campaign(body: CampaignRequest, office: TheOffice, project: InProject) -> CampaignLine:
    return campaigns.create(office, project, _draft(body))


@router.put("/campaigns/{campaign_id}")
def edit_campaign(campaign_id: int, body: CampaignRequest, office: TheOffice, project: InProject) -> CampaignView:
    """All of a draft in place of what it was."""
    campaigns.edit(office, project, campaign_id, _draft(body))
    return campaigns.get(office, project, campaign_id)


def _draft(body: CampaignRequest) -> Draft:
    if body.html and body.source:
        raise InvalidError("html, source: give one of them")
    form = Form.HTML if body.html else body.form
    content = campaign_messages.compose(
        body.subject, form.value, body.html or body.source, body.text, body.defaults, attached(body.attachments)
    )
    if body.list is None and body.segment is None and not body.everyone:
        raise InvalidError("recipients: name a list or a segment, or say that everyone is meant")
    every = timedelta(seconds=body.part_every)
    interval = timedelta(seconds=body.interval)
    sending = campaign_sending.asked(body.from_name, interval, body.parts, every, body.part_at, history=body.history)
    return Draft(body.name, body.sender, body.list, body.pool, content, sending, body.segment)


@router.get("/campaigns")
def list_campaigns(office: TheOffice, project: InProject, window: InWindow) -> Page[CampaignLine]:
    return campaigns.page(office, project, window)


@router.get("/campaigns/{campaign_id}")
def show_campaign(campaign_id: int, office: TheOffice, project: InProject) -> CampaignView:
    return campaigns.get(office, project, campaign_id)


@router.get("/campaigns/{campaign_id}/preview")
def preview_campaign(campaign_id: int, office: TheOffice, project: InProject, client: str = "") -> Preview:
    """As the client of that address would read it, or the list's first."""
    return campaign_messages.preview(office, project, campaign_id, client)


@router.post("/campaigns/{campaign_id}/test", status_code=202)
def test_campaign(campaign_id: int, body: TestRequest, office: TheOffice, project: InProject) -> list[TestView]:
    """To a mailbox of the project or one of its authorised senders; the latest tests, the newest first."""
    return campaign_tests.send(office, project, campaign_id, body.to, body.client)


@router.get("/campaigns/{campaign_id}/tests")
def list_tests(campaign_id: int, office: TheOffice, project: InProject) -> list[TestView]:
    return campaign_tests.latest(office, project, campaign_id)


@router.get("/campaigns/{campaign_id}/gate")
def show_gate(campaign_id: int, office: TheOffice, project: InProject) -> list[dict[str, Any]]:
    """Every reason why it may not be launched now; [] where it may."""
    return reasons_of(campaigns.gate(office, project, campaign_id))


@router.post("/campaigns/{campaign_id}/launch")
def launch_campaign(
    campaign_id: int, office: TheOffice, project: InProject, body: LaunchRequest | None = None
) -> Launched:
    return campaigns.launch(office, project, campaign_id, body.at if body else None)


@router.post("/campaigns/{campaign_id}/pause")
def pause_campaign(campaign_id: int, office: TheOffice, project: InProject) -> CampaignView:
    return campaigns.pause(office, project, campaign_id)


@router.post("/campaigns/{campaign_id}/resume")
def resume_campaign(campaign_id: int, office: TheOffice, project: InProject) -> CampaignView:
    return campaigns.resume(office, project, campaign_id)


@router.post("/campaigns/{campaign_id}/cancel")
def cancel_campaign(campaign_id: int, office: TheOffice, project: InProject) -> CampaignView:
    return campaigns.cancel(office, project, campaign_id)


@router.get("/campaigns/{campaign_id}/report")
def campaign_report(campaign_id: int, office: TheOffice, project: InProject) -> dict[str, Any]:
    return campaigns.report(office, project, campaign_id)


@router.get("/campaigns/{campaign_id}/recipients")
def campaign_recipients(
    campaign_id: int, office: TheOffice, project: InProject, window: InWindow
) -> Page[RecipientView]:
    return campaigns.recipients(office, project, campaign_id, window)
