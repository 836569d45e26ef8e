"""/campaigns of a project: drafted, launched through the gate, paused, resumed, cancelled, followed."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from admin.acts import campaigns
from admin.acts.campaigns import CampaignLine, CampaignView, Draft, Launched, RecipientView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheOffice
from store.campaign_content import Attachment, Content

router = APIRouter(tags=["campaigns"])


def _decoded(text: object) -> bytes:
    """RFC 4648 base64 without anything else in it; line breaks are allowed."""
    try:
        return base64.b64decode("".join(str(text).split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"this is no base64: {error}") from error


class AttachmentRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    filename: str | None = None
    content_type: str
    content: Annotated[bytes, BeforeValidator(_decoded)]
    content_id: str | None = None


class CampaignRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    sender: int
    list: int
    subject: str
    html: str
    text: str | None = None
    defaults: dict[str, str] = {}
    attachments: Annotated[tuple[AttachmentRequest, ...], Field(max_length=50)] = ()
    pool: str = "mailings"


class LaunchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    at: AwareDatetime | None = None


@router.post("/campaigns", status_code=201)
def create_campaign(body: CampaignRequest, office: TheOffice, project: InProject) -> CampaignLine:
    attachments = tuple(
        Attachment(one.filename, one.content_type, one.content_id, one.content) for one in body.attachments
    )
    content = Content(body.subject, body.html, body.text, body.defaults, attachments)
    return campaigns.create(office, project, Draft(body.name, body.sender, body.list, body.pool, content))


@router.get("/campaigns")
def list_campaigns(office: TheOffice, project: InProject, window: InWindow) -> Page[CampaignLine]:
    return campaigns.page(office, project, window)


@router.get("/campaigns/{campaign_id}")
def show_campaign(campaign_id: int, office: TheOffice, project: InProject) -> CampaignView:
    return campaigns.get(office, project, campaign_id)


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
