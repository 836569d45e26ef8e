"""The operator's own pages: projects, moderation of SMTP connections, sending addresses, the whole audit trail."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from admin import examining
from admin.acts import audit, connections, explain, projects
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.doctor.finding import Verdict
from admin.pages import doctor_words
from admin.pages.forms import Filled, Form
from admin.pages.visit import Operating, Visit
from admin.refusals import RefusedError

_WORST: Final = (Verdict.WRONG, Verdict.WARNING, Verdict.UNKNOWN, Verdict.OK)

router = APIRouter(include_in_schema=False)


@router.get("/operator/projects")
def show_projects(visit: Operating, window: InWindow) -> Response:
    return _projects(visit, window, Form())


@router.post("/operator/projects")
def create_project(visit: Operating, form: Filled) -> Response:
    try:
        made = projects.create(visit.office, form.get("name").strip(), form.get("campaigns") == "yes")
    except RefusedError as error:
        return _projects(visit, Window(), form.failed(error, ("name",)))
    visit.note("project.create", made.name)
    return visit.page("secret.html", {"login": made.name, "password": made.api_key, "back": f"/p/{made.id}"})


@router.get("/operator/moderation")
def moderate(visit: Operating) -> Response:
    return visit.page("moderation.html", {"found": connections.moderated(visit.office)})


@router.post("/operator/moderation/{connection}")
def decide(visit: Operating, connection: int, form: Filled) -> Response:
    approved = form.get("decision") == "approve"
    try:
        decided = connections.decide(visit.office, connection, approved, form.get("reason").strip())
    except RefusedError as error:
        return visit.page("moderation.html", {"found": connections.moderated(visit.office)}, form.failed(error))
    visit.note("connection.approve" if approved else "connection.reject", thing("connection", connection, decided.name))
    return RedirectResponse("/operator/moderation?said=decided", 303)


@router.get("/operator/addresses")
def show_addresses(visit: Operating) -> Response:
    return visit.page("addresses.html", {"sources": explain.sources(visit.office)})


@router.get("/operator/doctor")
def show_doctor(visit: Operating) -> Response:
    """What the clock found at its last round, the worst first."""
    found = examining.last_of(visit.office.folder)
    findings = sorted(found.findings, key=lambda one: _WORST.index(one.verdict)) if found else []
    findings = [doctor_words.finding(visit.words.language, one) for one in findings]
    return visit.page("doctor.html", {"found": found, "findings": findings})


@router.get("/operator/audit")
def show_audit(visit: Operating, window: InWindow) -> Response:
    return visit.page("audit.html", {"found": audit.page(visit.office, None, window), "everywhere": True})


@router.get("/operator/explain")
def show_explained(visit: Operating, address: Annotated[str, Query(max_length=320)] = "") -> Response:
    told, missed = None, ""
    if address.strip():
        try:
            told = explain.explain(visit.office, None, address.strip(), None)
        except RefusedError as error:
            missed = visit.told(error)
    return visit.page("explain.html", {"address": address, "told": told, "missed": missed})


def _projects(visit: Visit, window: Window, form: Form) -> Response:
    return visit.page("projects.html", {"found": projects.page(visit.office, window)}, form)
