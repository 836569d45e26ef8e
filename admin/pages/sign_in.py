"""/sign-in: password, then the code; /sign-out. A right sign-in changes the cookie, so no old one is worth anything.

The cookie that a browser has before is only what its form's token hangs on.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from admin.acts import signing
from admin.acts.signing import From, Guesses, SignedIn
from admin.api.doors import TheOffice
from admin.office import Office
from admin.pages import render
from admin.pages.forms import COOKIE, Filled, Form, csrf_of
from admin.pages.visit import SignInError, spoken, words_of
from admin.refusals import RefusedError
from store.people import Person
from store.secrets import generate_secret
from store.sessions import Session

KNOWN: Final = "__Host-known"
_YEAR: Final = 365 * 86400
_WEEK: Final = 7 * 86400

router = APIRouter(include_in_schema=False)


def _half_signed_in(request: Request, office: TheOffice) -> tuple[Session, Person]:
    """Whose password was right a moment ago."""
    cookie = request.cookies.get(COOKIE, "")
    found = signing.find(office, cookie) if cookie else None
    if found is None:
        raise SignInError("sign in first")
    return found


HalfSignedIn = Annotated[tuple[Session, Person], Depends(_half_signed_in)]


@router.get("/sign-in")
def show(request: Request, office: TheOffice) -> Response:
    return _page(request, office, "sign_in.html", Form())


@router.post("/sign-in")
def sign_in(request: Request, office: TheOffice, form: Filled) -> Response:
    guesses: Guesses = request.app.state.guesses
    login = form.get("login").strip()
    try:
        made = signing.sign_in(office, guesses, login, form.get("password"), _side(request, office, login))
    except RefusedError as error:
        return _page(request, office, "sign_in.html", form.failed(error), error.status)
    return _entered(office, made, login)


@router.get("/sign-in/code")
def show_code(request: Request, office: TheOffice, _: HalfSignedIn) -> Response:
    return _page(request, office, "sign_in_code.html", Form())


@router.post("/sign-in/code")
def confirm(request: Request, office: TheOffice, half: HalfSignedIn, form: Filled) -> Response:
    session, person = half
    side = _side(request, office, person.login)
    try:
        made = signing.confirm(office, request.app.state.guesses, session, person, form.get("code"), side)
    except RefusedError as error:
        return _page(request, office, "sign_in_code.html", form.failed(error, ("code",)), error.status)
    return _entered(office, made, person.login)


@router.post("/sign-out")
def sign_out(office: TheOffice, half: HalfSignedIn, _: Filled) -> Response:
    signing.sign_out(office, half[0])
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
    return answer


def _entered(office: Office, made: SignedIn, login: str) -> Response:
    answer = RedirectResponse("/" if made.confirmed else "/sign-in/code", 303)
    _set(answer, COOKIE, made.token, _WEEK)
    if made.confirmed:
        _set(answer, KNOWN, _known(office, login), _YEAR)
    return answer


def _side(request: Request, office: Office, login: str) -> From:
    known = hmac.compare_digest(request.cookies.get(KNOWN, "").encode(), _known(office, login).encode())
    address = request.client.host if request.client else ""
    return From(address, request.headers.get("user-agent", ""), known)


def _known(office: Office, login: str) -> str:
    return hmac.digest(office.vault.derived("known browser"), login.encode(), "sha256").hex()


def _set(answer: Response, name: str, value: str, seconds: int) -> None:
    # Lax, so that a link in a mail of ours leads into the panel; every act wants the form's token besides.
    answer.set_cookie(name, value, seconds, secure=True, httponly=True, samesite="lax", path="/")


def _page(request: Request, office: Office, template: str, form: Form, status: int = 200) -> Response:
    cookie = request.cookies.get(COOKIE) or generate_secret()
    words = words_of(request)
    given: dict[str, Any] = {"form": form, "csrf": csrf_of(office, cookie), "hostname": office.hostname}
    answer = render.page(template, given | spoken(words), status)
    if COOKIE not in request.cookies:
        _set(answer, COOKIE, cookie, _WEEK)
    return answer
