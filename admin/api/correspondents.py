"""/mailboxes/ADDRESS/correspondents of a project: addresses and domains that a mailbox allows, denies or refuses."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import correspondents
from admin.acts.correspondents import CorrespondentView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheOffice
from policy.correspondents import Standing

router = APIRouter(tags=["mailboxes"])


class StandingRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    standing: Standing


@router.get("/mailboxes/{address}/correspondents")
def list_correspondents(
    address: str, office: TheOffice, project: InProject, window: InWindow
) -> Page[CorrespondentView]:
    return correspondents.page(office, project, address, window)


@router.put("/mailboxes/{address}/correspondents/{entry}", status_code=204)
def put_correspondent(address: str, entry: str, body: StandingRequest, office: TheOffice, project: InProject) -> None:
    correspondents.put(office, project, address, entry, body.standing)


@router.delete("/mailboxes/{address}/correspondents/{entry}", status_code=204)
def delete_correspondent(address: str, entry: str, office: TheOffice, project: InProject) -> None:
    correspondents.remove(office, project, address, entry)
