"""SMTP connections: asked for, shown with ready settings; the operator's queue decides (PRODUCT S2, S7)."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from admin.acts import connections, senders
from admin.acts.connections import QUESTIONS
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import RefusedError

_OFFERED: Final = 100
# Those that are written into code have their own form in connection.html; the others ask for the same in fields.
PROGRAMS: Final = (
    "wordpress", "moodle", "bitrix24", "tilda", "amocrm", "sbercrm", "megaplan", "bizon365", "customerio",
    "thunderbird", "outlook", "django", "rails", "nodemailer", "swaks",
)  # fmt: skip

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/connections")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return _list(visit, window, Form())


@router.post("/p/{project}/connections")
def ask(visit: Member, form: Filled) -> Response:
    try:
        sender = form.number("sender")
        answers = {question: form.get(question) for question in QUESTIONS}
        made = connections.ask(visit.office, visit.here, form.get("name"), sender, answers, asked_by=visit.person.id)
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error, ("name", "sender", *QUESTIONS)))
    return visit.done(
        "connection.ask", thing("connection", made.id, made.name), f"/connections/{made.id}", "connection_asked"
    )


@router.post("/p/{project}/connections/{connection}/password")
def new_password(visit: Member, connection: int, _: Filled) -> Response:
    made = connections.new_password(visit.office, visit.here, connection)
    visit.note("connection.password", thing("connection", made.id, made.name))
    shown = {"login": made.login, "password": made.password, "back": f"{visit.base}/connections/{connection}"}
    return visit.page("secret.html", shown)


@router.get("/p/{project}/connections/{connection}")
def show(visit: Viewer, connection: int) -> Response:
    found = connections.get(visit.office, visit.here, connection)
    ports = visit.office.settings.submission
    shown = {
        "found": found, "host": visit.office.hostname, "port": ports.port or 587, "tls_port": ports.tls_port or 465,
        "programs": PROGRAMS,
    }  # fmt: skip
    return visit.page("connection.html", shown)


def _list(visit: Visit, window: Window, form: Form) -> Response:
    found = connections.page(visit.office, visit.here, window)
    usable = [one for one in senders.page(visit.office, visit.here, Window(limit=_OFFERED)).items if one.authorised]
    return visit.page("connections.html", {"found": found, "senders": usable, "questions": QUESTIONS}, form)
