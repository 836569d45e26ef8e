"""/aliases of a project: aliases, catch-alls (`@domain`) and forwarding, one target each."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import aliases
from admin.acts.aliases import AliasView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheOffice

router = APIRouter(tags=["aliases"])


class AliasRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address: str
    target: str


@router.post("/aliases", status_code=201)
def create_alias(body: AliasRequest, office: TheOffice, project: InProject) -> AliasView:
    return aliases.add(office, project, body.address, body.target)


@router.get("/aliases")
def list_aliases(office: TheOffice, project: InProject, window: InWindow) -> Page[AliasView]:
    return aliases.page(office, project, window)


@router.delete("/aliases/{alias_id}", status_code=204)
def delete_alias(alias_id: int, office: TheOffice, project: InProject) -> None:
    aliases.remove(office, project, alias_id)
