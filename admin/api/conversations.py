"""/conversations of a project, and /clients/{id}/conversation: read in pages, answered, or done without an answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from admin.acts import answers, conversation_list, conversations
from admin.acts.answers import Answered, Draft
from admin.acts.conversation_list import ConversationView
from admin.acts.conversations import Entry
from admin.acts.pages import Page
from admin.api.attachments import AttachmentRequest, attached
from admin.api.doors import InProject, TheOffice

router = APIRouter(tags=["clients"])
_PATH = "/clients/{client_id}/conversation"
Addresses = Annotated[list[str], Field(max_length=50)]


class AnswerRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = ""
    html: str = ""
    subject: str | None = None
    mailbox: str | None = None
    entry: str | None = None
    cc: Addresses = []
    bcc: Addresses = []
    attachments: tuple[AttachmentRequest, ...] = ()


@router.get("/conversations")
def list_conversations(
    office: TheOffice, project: InProject, cursor: str | None = None, limit: int = conversation_list.DEFAULT
) -> Page[ConversationView]:
    """Those that wait for somebody first."""
    return conversation_list.page(office, project, cursor, limit)


class DoneRequest(BaseModel):
    """`entry`: the last mail that was looked at, in-N."""

    model_config = ConfigDict(extra="forbid")
    entry: str


@router.post(f"{_PATH}/done", status_code=204)
def finish_conversation(client_id: int, body: DoneRequest, office: TheOffice, project: InProject) -> None:
    """It needs no answer, as far as that mail."""
    conversation_list.done(office, project, client_id, body.entry)


@router.get(_PATH)
def show_conversation(
    client_id: int,
    office: TheOffice,
    project: InProject,
    cursor: str | None = None,
    limit: int = conversations.DEFAULT,
) -> Page[Entry]:
    return conversations.page(office, project, client_id, cursor, limit)


@router.post(_PATH, status_code=201)
def answer_conversation(
    client_id: int,
    body: AnswerRequest,
    office: TheOffice,
    project: InProject,
    response: Response,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Answered:
    """201 once it is queued; 200 where this Idempotency-Key had asked for it before."""
    draft = Draft(
        body.text, body.html, body.subject, body.mailbox, body.entry, tuple(body.cc), tuple(body.bcc),
        attached(body.attachments),
    )  # fmt: skip
    answered = answers.answer(office, project, client_id, draft, idempotency_key)
    response.status_code = 200 if answered.repeated else 201
    return answered
