"""The API keys of a project (PRODUCT P1)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from admin.acts import api_keys
from admin.acts.things import thing
from admin.pages.forms import Filled, Form
from admin.pages.visit import Owner, Visit
from admin.refusals import RefusedError

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/keys")
def show_all(visit: Owner) -> Response:
    return _list(visit, Form())


@router.post("/p/{project}/keys")
def create(visit: Owner, form: Filled) -> Response:
    try:
        made = api_keys.create(visit.office, visit.here, form.get("name"))
    except RefusedError as error:
        return _list(visit, form.failed(error, ("name",)))
    visit.note("api_key.create", thing("key", made.id, made.name))
    shown = {"login": made.name, "password": made.key, "back": f"{visit.base}/keys"}
    return visit.page("secret.html", shown)


@router.post("/p/{project}/keys/{key}/revoke")
def revoke(visit: Owner, key: int, _: Filled) -> Response:
    named = visit.thing("key", key)
    api_keys.revoke(visit.office, visit.here, key)
    return visit.done("api_key.revoke", named, "/keys", "api_key_gone")


def _list(visit: Visit, form: Form) -> Response:
    return visit.page("api_keys.html", {"keys": api_keys.of_project(visit.office, visit.here)}, form)
