"""/senders of a project: its From identities."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import sender_codes, senders
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


class ProofRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: str


@router.post("/senders/{sender_id}/code", status_code=202)
def send_code(sender_id: int, office: TheOffice, project: InProject) -> SenderView:
    """Mail six digits to the address; once a minute."""
    return sender_codes.send(office, project, sender_id)


@router.post("/senders/{sender_id}/proof")
def prove_sender(sender_id: int, body: ProofRequest, office: TheOffice, project: InProject) -> SenderView:
    return sender_codes.prove(office, project, sender_id, body.code)
