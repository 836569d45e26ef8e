"""Lists of clients: made, and one with who is on it (PRODUCT L1)."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from admin.acts import clients, lists
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import RefusedError

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/lists")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return _list(visit, window, Form())


@router.post("/p/{project}/lists")
def create(visit: Member, form: Filled) -> Response:
    try:
        made = lists.create(visit.office, visit.here, form.get("name"))
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error, ("name",)))
    return visit.done("list.create", thing("list", made.id, made.name), f"/lists/{made.id}", "list_made")


@router.get("/p/{project}/lists/{list_id}")
def show(visit: Viewer, list_id: int, window: InWindow) -> Response:
    found = lists.get(visit.office, visit.here, list_id)
    members = clients.page(visit.office, visit.here, list_id, window)
    return visit.page("list.html", {"list": found, "found": members})


@router.get("/p/{project}/lists/{list_id}/clients.csv")
def export(visit: Viewer, list_id: int) -> StreamingResponse:
    found = lists.csv(visit.office, visit.here, list_id)
    visit.note("list.export", visit.thing("list", list_id))
    named = {"Content-Disposition": f'attachment; filename="list-{list_id}.csv"'}
    return StreamingResponse(found, headers=named, media_type="text/csv; charset=utf-8")


def _list(visit: Visit, window: Window, form: Form) -> Response:
    return visit.page("lists.html", {"found": lists.page(visit.office, visit.here, window)}, form)
