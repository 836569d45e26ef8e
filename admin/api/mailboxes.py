"""/mailboxes of a project."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from admin.acts import mailboxes
from admin.acts.mailboxes import MailboxView, NewMailbox
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheOffice

router = APIRouter(tags=["mailboxes"])


class MailboxRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address: str
    password: str | None = None
    quota_bytes: int | None = None


@router.post("/mailboxes", status_code=201)
def create_mailbox(body: MailboxRequest, office: TheOffice, project: InProject) -> NewMailbox:
    return mailboxes.create(office, project, body.address, body.password, body.quota_bytes)


@router.get("/mailboxes")
def list_mailboxes(office: TheOffice, project: InProject, window: InWindow) -> Page[MailboxView]:
    return mailboxes.page(office, project, window)


class MailboxChange(BaseModel):
    """What is left out stays; `quota_bytes` null: no limit."""

    model_config = ConfigDict(extra="forbid")
    quota_bytes: int | None = None
    adds_writers: bool = False
    adds_cards: bool = False


@router.patch("/mailboxes/{address}")
def change_mailbox(address: str, body: MailboxChange, office: TheOffice, project: InProject) -> MailboxView:
    return mailboxes.change(office, project, address, body.model_dump(exclude_unset=True))


@router.delete("/mailboxes/{address}", status_code=204)
def remove_mailbox(address: str, office: TheOffice, project: InProject) -> None:
    mailboxes.remove(office, project, address)


class PasswordRequest(BaseModel):
    """`password` null or no body: one is made."""

    model_config = ConfigDict(extra="forbid")
    password: str | None = None


@router.post("/mailboxes/{address}/password")
def new_password(
    address: str, office: TheOffice, project: InProject, body: PasswordRequest | None = None
) -> NewMailbox:
    return mailboxes.new_password(office, project, address, body.password if body is not None else None)


class HiddenCapabilities(BaseModel):
    model_config = ConfigDict(extra="forbid")
    names: list[str]


@router.put("/mailboxes/{address}/hidden-capabilities", status_code=204)
def hide_capabilities(address: str, body: HiddenCapabilities, office: TheOffice, project: InProject) -> None:
    mailboxes.hide_capabilities(office, project, address, body.names)
