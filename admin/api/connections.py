"""/connections of a project: what the operator makes is active, what a project asks for waits for the operator."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import connections
from admin.acts.connections import ConnectionView, NewConnection, Request
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, Operator, TheCaller, TheOffice

router = APIRouter(tags=["connections"])


class ConnectionRequest(BaseModel):
    """`answers`: the questionnaire's `purpose`, `volume` and `source`, which a project must give; they decide."""

    model_config = ConfigDict(extra="forbid")
    name: str
    sender: int
    transactional: bool = False
    answers: dict[str, str] = {}


class Decision(BaseModel):
    """`reason`: what the project reads; a rejection must have one."""

    model_config = ConfigDict(extra="forbid")
    approved: bool
    reason: str = ""


@router.post("/connections", status_code=201)
def create_connection(
    body: ConnectionRequest, office: TheOffice, caller: TheCaller, project: InProject
) -> NewConnection:
    if caller.project is not None:
        return connections.ask(office, project, body.name, body.sender, body.answers, body.transactional)
    return connections.create(
        office, project, body.name, body.sender, approved=True, transactional=body.transactional, answers=body.answers
    )


@router.get("/connections")
def list_connections(office: TheOffice, project: InProject, window: InWindow) -> Page[ConnectionView]:
    return connections.page(office, project, window)


@router.get("/connections/{connection_id}")
def show_connection(connection_id: int, office: TheOffice, project: InProject) -> ConnectionView:
    return connections.get(office, project, connection_id)


@router.post("/connections/{connection_id}/password")
def new_password(connection_id: int, office: TheOffice, project: InProject) -> NewConnection:
    """In place of the old one, shown once."""
    return connections.new_password(office, project, connection_id)


@router.get("/moderation")
def list_waiting(office: TheOffice, _: Operator) -> list[Request]:
    """Requests of all projects that wait for the operator, the oldest first."""
    return connections.moderated(office)


@router.post("/moderation/{connection_id}")
def decide_connection(connection_id: int, body: Decision, office: TheOffice, _: Operator) -> ConnectionView:
    return connections.decide(office, connection_id, body.approved, body.reason.strip())
