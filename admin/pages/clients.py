"""Clients: the table, one added by hand, the card with its rating's history and what was sent (PRODUCT L1, R6)."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from admin.acts import clients, lists
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages import conversations
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import RefusedError

_OFFERED: Final = 200
_SENT: Final = 20
_ENTRIES: Final = 5

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/clients")
def show_all(visit: Viewer, window: InWindow, address: Annotated[str, Query()] = "") -> Response:
    return _list(visit, window, Form(), address.strip())


@router.post("/p/{project}/clients")
def create(visit: Member, form: Filled) -> Response:
    try:
        chosen = [int(one) for one in form.all("list") if one.isascii() and one.isdigit() and len(one) < 16]
        named = {"name": form.get("name").strip()} if form.get("name").strip() else {}
        made = clients.create(visit.office, visit.here, form.get("address"), chosen, named)
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error, ("address", "name")), "")
    return visit.done("client.create", thing("client", made.id, made.address), f"/clients/{made.id}", "client_made")


@router.get("/p/{project}/clients/{client}")
def show(visit: Viewer, client: int) -> Response:
    return _one(visit, client, Form())


@router.post("/p/{project}/clients/{client}/rating")
def rate(visit: Member, client: int, form: Filled) -> Response:
    try:
        rated = clients.rate(visit.office, visit.here, client, form.number("rating"), visit.person.login)
    except RefusedError as error:
        return _one(visit, client, form.failed(error, ("rating",)))
    told = f"{thing('client', client, rated.address)}: {rated.rating}"
    return visit.done("client.rate", told, f"/clients/{client}", "client_rated")


def _list(visit: Visit, window: Window, form: Form, address: str) -> Response:
    shown = {
        "found": clients.page(visit.office, visit.here, None, window),
        "lists": lists.page(visit.office, visit.here, Window(limit=_OFFERED)).items,
        "address": address, "hit": None, "missed": "",
    }  # fmt: skip
    if address:
        try:
            shown["hit"] = clients.by_address(visit.office, visit.here, address)
        except RefusedError as error:
            shown["missed"] = visit.told(error)
    return visit.page("clients.html", shown, form)


def _one(visit: Visit, client: int, form: Form) -> Response:
    found = clients.get(visit.office, visit.here, client)
    sent = clients.sent_to(visit.office, visit.here, client, _SENT)
    talk = conversations.told(visit, client, limit=_ENTRIES)
    return visit.page("client.html", {"client": found, "sent": sent} | talk, form)
