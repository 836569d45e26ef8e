"""The people of a project and its audit trail (PRODUCT P4)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from admin.acts import audit, people
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Owner, Visit
from admin.refusals import RefusedError
from store.people import ROLES

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/people")
def show_all(visit: Owner, window: InWindow) -> Response:
    return _list(visit, window, Form())


@router.post("/p/{project}/people")
def create(visit: Owner, form: Filled) -> Response:
    try:
        made = people.create(visit.office, visit.here, form.get("login"), form.get("role"))
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error, ("login", "role")))
    visit.note("person.create", f"{thing('person', made.id, made.login)}: {made.role}")
    return _secret(visit, made)


@router.post("/p/{project}/people/{person}/role")
def set_role(visit: Owner, person: int, form: Filled) -> Response:
    try:
        moved = people.set_role(visit.office, visit.here, person, form.get("role"), visit.person.id)
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error))
    told = f"{thing('person', person, moved.login)}: {moved.role}"
    return visit.done("person.role", told, "/people", "person_moved")


@router.post("/p/{project}/people/{person}/password")
def new_password(visit: Owner, person: int, _: Filled) -> Response:
    made = people.new_password(visit.office, visit.here, person)
    visit.note("person.password", thing("person", person, made.login))
    return _secret(visit, made)


@router.post("/p/{project}/people/{person}/remove")
def remove(visit: Owner, person: int, form: Filled) -> Response:
    try:
        gone = people.remove(visit.office, visit.here, person, visit.person.id)
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error))
    return visit.done("person.remove", thing("person", person, gone), "/people", "person_gone")


@router.get("/p/{project}/audit")
def show_audit(visit: Owner, window: InWindow) -> Response:
    return visit.page("audit.html", {"found": audit.page(visit.office, visit.here, window), "everywhere": False})


def _list(visit: Visit, window: Window, form: Form) -> Response:
    return visit.page("people.html", {"found": people.page(visit.office, visit.here, window), "roles": ROLES}, form)


def _secret(visit: Visit, made: people.NewPerson) -> Response:
    shown = {"login": made.login, "password": made.password, "back": f"{visit.base}/people"}
    return visit.page("secret.html", shown)
