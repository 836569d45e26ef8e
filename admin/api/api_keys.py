"""/keys: the API keys of a project."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import api_keys
from admin.acts.api_keys import NewKey
from admin.api.doors import InProject, TheOffice
from store.keys import Listed

router = APIRouter(tags=["projects"])


class KeyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


@router.post("/keys", status_code=201)
def create_api_key(body: KeyRequest, office: TheOffice, project: InProject) -> NewKey:
    """The key is in this answer and never again."""
    return api_keys.create(office, project, body.name)


@router.get("/keys")
def list_api_keys(office: TheOffice, project: InProject) -> list[Listed]:
    return api_keys.of_project(office, project)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_api_key(key_id: int, office: TheOffice, project: InProject) -> None:
    api_keys.revoke(office, project, key_id)
