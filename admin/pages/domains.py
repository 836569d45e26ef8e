"""Domains: their states, the records to publish beside what is published, the keys (PRODUCT D1-D5)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from admin.acts import dkim_keys, domain_checks, domains, reports
from admin.acts.pages import Window
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import OperatorHere, Owner, Viewer, Visit
from admin.refusals import RefusedError
from store.domains import STATES

_REPORTS = 5

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/domains")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return _list(visit, window, Form())


@router.post("/p/{project}/domains")
def create(visit: Owner, form: Filled) -> Response:
    try:
        made = domains.create(visit.office, visit.here, form.get("name"))
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error, ("name",)))
    return visit.done("domain.create", made.name, f"/domains/{made.name}", "domain_made")


@router.get("/p/{project}/domains/{name}")
def show(visit: Viewer, name: str) -> Response:
    return _one(visit, name, Form())


@router.post("/p/{project}/domains/{name}/check")
def check(visit: Viewer, request: Request, name: str, _: Filled) -> Response:
    """Now, whoever asks: it reads DNS and follows it, no more."""
    domain_checks.check(visit.office, request.app.state.resolver, visit.here, name)
    return visit.done("domain.check", name, f"/domains/{name}", "domain_checked")


@router.post("/p/{project}/domains/{name}/keys")
def rotate(visit: Owner, name: str, form: Filled) -> Response:
    try:
        dkim_keys.rotate(visit.office, visit.here, name)
    except RefusedError as error:
        return _one(visit, name, form.failed(error))
    return visit.done("domain.rotate_keys", name, f"/domains/{name}", "keys_made")


@router.post("/p/{project}/domains/{name}/states")
def set_states(visit: OperatorHere, name: str, form: Filled) -> Response:
    """By the operator's hand; `follow` gives them back to the checks."""
    if form.get("follow"):
        domain_checks.follow(visit.office, visit.here, name)
        return visit.done("domain.follow_checks", name, f"/domains/{name}", "domain_follows")
    wanted = {state: state in form.all("state") for state in STATES}
    domains.set_states(visit.office, visit.here, name, wanted)
    named = ", ".join(state for state, on in wanted.items() if on) or "none"
    return visit.done("domain.set_states", f"{name}: {named}", f"/domains/{name}", "domain_set")


def _list(visit: Visit, window: Window, form: Form) -> Response:
    found = domains.page(visit.office, visit.here, window)
    return visit.page("domains.html", {"found": found}, form)


def _one(visit: Visit, name: str, form: Form) -> Response:
    domain = domains.get(visit.office, visit.here, name)
    shown = {
        "domain": domain,
        "standing": domain_checks.standing(visit.office, visit.here, name),
        "keys": dkim_keys.page(visit.office, visit.here, name),
        "reports": reports.page(visit.office, visit.here, name, Window(limit=_REPORTS)).items,
        "states": STATES,
    }
    return visit.page("domain.html", shown, form)
