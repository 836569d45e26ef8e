"""/clients of a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from admin.acts import clients
from admin.acts.clients import ClientLife, ClientView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheOffice

router = APIRouter(tags=["clients"])


class ClientRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address: str
    lists: list[int] = []
    variables: dict[str, str] = {}


@router.post("/clients", status_code=201)
def create_client(body: ClientRequest, office: TheOffice, project: InProject) -> ClientView:
    return clients.create(office, project, body.address, body.lists, body.variables)


@router.get("/clients")
def list_clients(
    office: TheOffice, project: InProject, window: InWindow, list_id: Annotated[int | None, Query(alias="list")] = None
) -> Page[ClientView]:
    return clients.page(office, project, list_id, window)


@router.get("/clients/{client_id}")
def show_client(client_id: int, office: TheOffice, project: InProject) -> ClientLife:
    return clients.get(office, project, client_id)
