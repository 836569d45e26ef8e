"""Senders: the addresses that a project writes from, and the code that proves one (PRODUCT C1-C4)."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from admin.acts import mailboxes, senders
from admin.acts.pages import Window
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import RefusedError

_OFFERED: Final = 100

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/senders")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return _list(visit, window, Form())


@router.post("/p/{project}/senders")
def create(visit: Member, form: Filled) -> Response:
    try:
        made = senders.create(visit.office, visit.here, form.get("address"), form.get("display_name"))
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error, ("address", "display_name")))
    said = "sender_made" if made.authorised else "sender_unproved"
    return visit.done("sender.create", made.address, "/senders", said)


def _list(visit: Visit, window: Window, form: Form) -> Response:
    found = senders.page(visit.office, visit.here, window)
    here = mailboxes.page(visit.office, visit.here, Window(limit=_OFFERED)).items
    return visit.page("senders.html", {"found": found, "mailboxes": here}, form)
