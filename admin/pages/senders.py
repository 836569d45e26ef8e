"""Senders: the addresses that a project writes from, and the code that proves one (PRODUCT C1, C2)."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from admin.acts import mailboxes, sender_codes, senders
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import ConflictError, InvalidError, RefusedError

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
    if made.authorised:
        return visit.done("sender.create", thing("sender", made.id, made.address), "/senders", "sender_made")
    return visit.done("sender.create", thing("sender", made.id, made.address), f"/senders/{made.id}", "sender_unproved")


@router.get("/p/{project}/senders/{sender}")
def show(visit: Viewer, sender: int) -> Response:
    return _one(visit, sender, Form())


@router.post("/p/{project}/senders/{sender}/code")
def send_code(visit: Member, sender: int, form: Filled) -> Response:
    try:
        sent = sender_codes.send(visit.office, visit.here, sender)
    except ConflictError as error:
        return _one(visit, sender, form.failed(error))
    return visit.done("sender.send_code", thing("sender", sender, sent.address), f"/senders/{sender}", "code_sent")


@router.post("/p/{project}/senders/{sender}/proof")
def prove(visit: Member, sender: int, form: Filled) -> Response:
    try:
        proved = sender_codes.prove(visit.office, visit.here, sender, form.get("code"))
    except (ConflictError, InvalidError) as error:
        return _one(visit, sender, form.failed(error, ("code",)))
    return visit.done("sender.prove", thing("sender", sender, proved.address), "/senders", "sender_made")


def _one(visit: Visit, sender: int, form: Form) -> Response:
    shown = {"sender": senders.get(visit.office, visit.here, sender), "minutes": sender_codes.GOOD.seconds // 60}
    return visit.page("sender.html", shown, form)


def _list(visit: Visit, window: Window, form: Form) -> Response:
    found = senders.page(visit.office, visit.here, window)
    here = mailboxes.page(visit.office, visit.here, Window(limit=_OFFERED)).items
    return visit.page("senders.html", {"found": found, "mailboxes": here}, form)
