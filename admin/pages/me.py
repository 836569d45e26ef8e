"""/me: one's own password, second factor, sessions, language and colours. `/` leads to the first page one may see."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Final

import segno
from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from admin.acts import signing
from admin.office import Office
from admin.pages.catalogue import LANGUAGES
from admin.pages.forms import Filled, Form
from admin.pages.visit import SignedIn, Visit
from admin.refusals import InvalidError, RefusedError
from store import people

_BROWSERS: Final = (("Edg", "Edge"), ("OPR", "Opera"), ("YaBrowser", "Yandex"), ("Firefox", "Firefox"),
                    ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS: Final = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
                   ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
THEMES: Final = ("light", "dark")

router = APIRouter(include_in_schema=False)


@router.get("/")
def start(visit: SignedIn) -> Response:
    if visit.person.project is not None:
        return RedirectResponse(f"/p/{visit.person.project}", 303)
    return RedirectResponse("/operator/overview", 303)


@router.get("/me")
def show(visit: SignedIn) -> Response:
    return _page(visit, Form())


@router.post("/me/tastes")
def set_tastes(visit: SignedIn, form: Filled) -> Response:
    language, theme = form.get("language"), form.get("theme")
    chosen = language if language in LANGUAGES else None, theme if theme in THEMES else None
    visit.office.write(lambda tx: people.set_tastes(tx, visit.person.id, *chosen))
    return RedirectResponse("/me?said=tastes", 303)


@router.post("/me/password")
def change_password(visit: SignedIn, form: Filled) -> Response:
    try:
        signing.change_password(
            visit.office, visit.session, visit.person, form.get("password"), form.get("new_password")
        )
    except RefusedError as error:
        return _page(visit, form.failed(error, ("password", "new_password")))
    return visit.done("me.password", "", "/me", "password")


@router.get("/me/second-factor")
def show_enrolment(visit: SignedIn) -> Response:
    return _enrolment(visit, signing.new_totp_secret(), Form())


@router.post("/me/second-factor")
def enrol(visit: SignedIn, form: Filled) -> Response:
    """The secret travels with the form, sealed for this person, until a code proves that an app has it."""
    try:
        secret = _opened(visit, form.get("sealed"))
        codes = signing.enrol(visit.office, visit.session, visit.person, secret, form.get("code"))
    except InvalidError as error:
        return _enrolment(visit, _opened(visit, form.get("sealed")), form.failed(error, ("code",)))
    visit.note("me.second_factor", "on")
    return visit.page("recovery_codes.html", {"codes": codes})


@router.post("/me/second-factor/remove")
def drop(visit: SignedIn, form: Filled) -> Response:
    try:
        signing.drop_totp(visit.office, visit.person, form.get("password"))
    except RefusedError as error:
        return _page(visit, form.failed(error))
    return visit.done("me.second_factor", "off", "/me", "second_factor_off")


@router.post("/me/sessions/{session}/end")
def end_session(visit: SignedIn, session: int, _: Filled) -> Response:
    signing.end_one(visit.office, visit.person, session)
    return visit.done("me.session_end", str(session), "/me", "session_ended")


def _page(visit: Visit, form: Form) -> Response:
    sessions = signing.of_person(visit.office, visit.person)
    browsers = {one.id: _browser(one.agent) for one in sessions}
    return visit.page("me.html", {"sessions": sessions, "browsers": browsers, "themes": THEMES}, form)


def _browser(agent: str) -> str:
    """As people name it: the first that fits, since every browser also says that it is most of those below it."""
    program = next((name for mark, name in _BROWSERS if mark in agent), agent[:40] or "–")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{program}, {system}" if system else program


def _enrolment(visit: Visit, secret: str, form: Form) -> Response:
    place = f"enrolment of {visit.person.id}"
    sealed = base64.urlsafe_b64encode(visit.office.vault.seal(secret.encode(), place)).decode()
    uri = signing.totp_uri(visit.person, secret, visit.office.hostname)
    return visit.page("second_factor.html", {"picture": _picture(uri), "secret": secret, "sealed": sealed}, form)


def _opened(visit: Visit, sealed: str) -> str:
    office: Office = visit.office
    try:
        octets = base64.urlsafe_b64decode(sealed.encode())
        return office.vault.unseal(octets, f"enrolment of {visit.person.id}").decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidError("this form is not whole; load the page again") from error


def _picture(uri: str) -> Markup:
    """The QR code as SVG; dark on light in every theme, or cameras do not see it."""
    written = io.BytesIO()
    segno.make(uri, error="m").save(
        written, kind="svg", border=3, xmldecl=False, omitsize=True, light="#fff", svgclass="qr"
    )
    return Markup(written.getvalue().decode())  # segno's own markup: nothing of `uri` is in it
