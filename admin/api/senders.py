"""/senders of a project: its From identities."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import senders
from admin.acts.pages import Page
from admin.acts.senders import SenderView
from admin.api.doors import InProject, InWindow, TheOffice

router = APIRouter(tags=["senders"])


class SenderRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address: str
    display_name: str = ""


@router.post("/senders", status_code=201)
def create_sender(body: SenderRequest, office: TheOffice, project: InProject) -> SenderView:
    return senders.create(office, project, body.address, body.display_name)


@router.get("/senders")
def list_senders(office: TheOffice, project: InProject, window: InWindow) -> Page[SenderView]:
    return senders.page(office, project, window)
