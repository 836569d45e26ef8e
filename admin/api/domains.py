"""/domains of a project, with the records to publish; a state is set by the operator alone."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import domains
from admin.acts.domains import DomainView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, Operator, TheOffice

router = APIRouter(tags=["domains"])


class DomainRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class DomainStates(BaseModel):
    model_config = ConfigDict(extra="forbid")
    owned: bool | None = None
    sending: bool | None = None
    linked: bool | None = None


@router.post("/domains", status_code=201)
def create_domain(body: DomainRequest, office: TheOffice, project: InProject) -> DomainView:
    return domains.create(office, project, body.name)


@router.get("/domains")
def list_domains(office: TheOffice, project: InProject, window: InWindow) -> Page[DomainView]:
    return domains.page(office, project, window)


@router.get("/domains/{name}")
def show_domain(name: str, office: TheOffice, project: InProject) -> DomainView:
    return domains.get(office, project, name)


@router.patch("/domains/{name}")
def set_domain_states(name: str, body: DomainStates, office: TheOffice, _: Operator, project: InProject) -> DomainView:
    return domains.set_states(office, project, name, body.model_dump(exclude_none=True))
