"""Conversations with clients: the list, those that wait first, and each with its box for an answer (PRODUCT M2)."""

from __future__ import annotations

from secrets import token_hex
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from admin.acts import answers, clients, conversation_list, conversations, mailboxes
from admin.acts.answers import Draft
from admin.acts.conversations import Entry
from admin.acts.pages import Window
from admin.pages.forms import Filled, Form
from admin.pages.visit import MEMBER, Member, Viewer, Visit
from admin.refusals import RefusedError

_OFFERED: Final = 200
_FIELDS: Final = ("mailbox", "cc", "bcc", "subject")
Cursor = Annotated[str, Query(max_length=64)]

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/conversations")
def show_all(visit: Viewer, cursor: Cursor = "") -> Response:
    return visit.page("conversations.html", {"found": conversation_list.page(visit.office, visit.here, cursor)})


@router.get("/p/{project}/conversations/{client}")
def show(visit: Viewer, client: int, cursor: Cursor = "") -> Response:
    return _one(visit, client, cursor, Form())


@router.post("/p/{project}/conversations/{client}")
def answer(visit: Member, client: int, form: Filled) -> Response:
    try:
        answers.answer(visit.office, visit.here, client, _draft(form), form.get("key") or None)
    except RefusedError as error:
        return _one(visit, client, "", form.failed(error, _FIELDS))
    return visit.done("conversation.answer", visit.thing("client", client), f"/conversations/{client}", "answered")


@router.post("/p/{project}/conversations/{client}/done")
def finish(visit: Member, client: int, form: Filled) -> Response:
    conversation_list.done(visit.office, visit.here, client, form.get("entry"))
    return visit.done("conversation.done", visit.thing("client", client), "/conversations", "conversation_done")


def _draft(form: Form) -> Draft:
    return Draft(
        text=form.get("text"),
        subject=form.get("subject").strip() or None,
        mailbox=form.get("mailbox") or None,
        entry=form.get("entry") or None,
        cc=_addresses(form.get("cc")),
        bcc=_addresses(form.get("bcc")),
    )


def _addresses(text: str) -> list[str]:
    return [one for one in text.replace(";", ",").replace("\n", ",").split(",") if one.strip()]


def told(visit: Visit, client: int, cursor: str = "", limit: int = conversations.DEFAULT) -> dict[str, Any]:
    """What conversation_parts.html shows of a conversation; a member who sees its last mail has read it."""
    found = conversations.page(visit.office, visit.here, client, cursor, limit)
    waits = conversation_list.waits(visit.office, client)
    came = next((entry for entry in found.items if entry.direction == "in"), None)
    if came is not None and not cursor and visit.may(MEMBER):
        conversation_list.read(visit.office, visit.here, client, came.id)
    offered = mailboxes.page(visit.office, visit.here, Window(limit=_OFFERED)).items
    return {
        "entries": found, "came": came, "waits": waits, "key": token_hex(16), "subject": _subject(came),
        "froms": _froms(came, [one.address for one in offered]),
    }  # fmt: skip


def _subject(came: Entry | None) -> str:
    if came is None:
        return ""
    return came.subject if came.subject.lower().startswith("re:") else f"Re: {came.subject}".strip()


def _froms(came: Entry | None, offered: list[str]) -> list[str]:
    """The mailbox that was written to stands first."""
    first = [came.mailbox] if came is not None and came.mailbox else []
    return [*first, *(one for one in offered if one not in first)]


def _one(visit: Visit, client: int, cursor: str, form: Form) -> Response:
    found = clients.get(visit.office, visit.here, client)
    return visit.page("conversation.html", {"client": found, "first": not cursor} | told(visit, client, cursor), form)
