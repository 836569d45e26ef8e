"""/mailboxes/{address}/app-passwords of a project."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import app_passwords
from admin.acts.app_passwords import AppPasswordView, NewAppPassword
from admin.api.doors import InProject, TheOffice

router = APIRouter(tags=["mailboxes"])


class AppPasswordRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


@router.post("/mailboxes/{address}/app-passwords", status_code=201)
def create_app_password(
    address: str, body: AppPasswordRequest, office: TheOffice, project: InProject
) -> NewAppPassword:
    return app_passwords.create(office, project, address, body.name)


@router.get("/mailboxes/{address}/app-passwords")
def list_app_passwords(address: str, office: TheOffice, project: InProject) -> list[AppPasswordView]:
    return app_passwords.of_mailbox(office, project, address)


@router.delete("/mailboxes/{address}/app-passwords/{password_id}", status_code=204)
def revoke_app_password(address: str, password_id: int, office: TheOffice, project: InProject) -> None:
    app_passwords.revoke(office, project, address, password_id)
