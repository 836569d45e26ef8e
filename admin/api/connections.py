"""/connections of a project: SMTP credentials; what the operator makes is active, what a project asks for waits."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import connections
from admin.acts.connections import ConnectionView, NewConnection
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheCaller, TheOffice

router = APIRouter(tags=["connections"])


class ConnectionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    sender: int
    transactional: bool = False


@router.post("/connections", status_code=201)
def create_connection(
    body: ConnectionRequest, office: TheOffice, caller: TheCaller, project: InProject
) -> NewConnection:
    approved = caller.project is None
    return connections.create(
        office, project, body.name, body.sender, approved=approved, transactional=body.transactional
    )


@router.get("/connections")
def list_connections(office: TheOffice, project: InProject, window: InWindow) -> Page[ConnectionView]:
    return connections.page(office, project, window)
