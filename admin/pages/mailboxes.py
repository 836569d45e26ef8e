"""Mailboxes with their app passwords, and the aliases of the project's addresses (PRODUCT M1)."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from admin.acts import aliases, app_passwords, correspondents, domains, mailboxes
from admin.acts.pages import LONGEST, Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Owner, Viewer, Visit
from admin.refusals import ConflictError, InvalidError, RefusedError
from policy.correspondents import Standing

_MB: Final = 1 << 20
_OFFERED: Final = 100

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/mailboxes")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return _list(visit, window, Form())


@router.post("/p/{project}/mailboxes")
def create(visit: Owner, form: Filled) -> Response:
    address = f"{form.get('local')}@{form.get('domain')}"
    try:
        made = mailboxes.create(visit.office, visit.here, address, form.get("password") or None, _quota(form))
    except RefusedError as error:
        return _list(visit, Window(), form.failed(error, ("local", "password", "quota")))
    visit.note("mailbox.create", made.address)
    return _secret(visit, made.address, made.password)


def _quota(form: Form) -> int | None:
    text = form.get("quota").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 8 and int(text)):
        raise InvalidError("quota: a whole number of megabytes, or nothing for no limit")
    return int(text) * _MB


@router.get("/p/{project}/mailboxes/{address}")
def show(visit: Viewer, address: str) -> Response:
    return _one(visit, address, Form())


@router.post("/p/{project}/mailboxes/{address}/settings")
def change(visit: Owner, address: str, form: Filled) -> Response:
    switches = {name: form.get(name) == "yes" for name in ("adds_writers", "adds_cards")}
    try:
        mailboxes.change(visit.office, visit.here, address, {"quota_bytes": _quota(form), **switches})
    except InvalidError as error:
        return _one(visit, address, form.failed(error, ("quota",)))
    return visit.done("mailbox.change", address, f"/mailboxes/{address}", "saved")


@router.post("/p/{project}/mailboxes/{address}/correspondents")
def put_correspondent(visit: Owner, address: str, form: Filled) -> Response:
    entry, standing = form.get("entry").strip(), form.get("standing")
    try:
        correspondents.put(visit.office, visit.here, address, entry, _standing(standing))
    except (ConflictError, InvalidError) as error:
        return _one(visit, address, form.failed(error, ("entry",)))
    return visit.done("correspondent.put", f"{address}: {entry} {standing}", f"/mailboxes/{address}", "saved")


@router.post("/p/{project}/mailboxes/{address}/correspondents/remove")
def remove_correspondent(visit: Owner, address: str, form: Filled) -> Response:
    entry = form.get("entry")
    mailboxes.get(visit.office, visit.here, address)
    correspondents.remove(visit.office, visit.here, address, entry)
    return visit.done("correspondent.remove", f"{address}: {entry}", f"/mailboxes/{address}", "saved")


def _standing(text: str) -> Standing:
    try:
        return Standing(text)
    except ValueError as error:
        raise InvalidError("entry: choose what becomes of its mail") from error


@router.post("/p/{project}/mailboxes/{address}/password")
def new_password(visit: Owner, address: str, form: Filled) -> Response:
    try:
        made = mailboxes.new_password(visit.office, visit.here, address, form.get("password") or None)
    except InvalidError as error:
        return _one(visit, address, form.failed(error, ("password",)))
    visit.note("mailbox.password", made.address)
    return _secret(visit, made.address, made.password)


@router.post("/p/{project}/mailboxes/{address}/remove")
def remove(visit: Owner, address: str, form: Filled) -> Response:
    """With all its mails, so the address is typed once more."""
    try:
        if form.get("again").strip().lower() != address.lower():
            raise InvalidError("again: type the address of the mailbox, which goes with all its mails")
        mailboxes.remove(visit.office, visit.here, address)
    except (ConflictError, InvalidError) as error:
        return _one(visit, address, form.failed(error, ("again",)))
    return visit.done("mailbox.remove", address, "/mailboxes", "mailbox_gone")


@router.post("/p/{project}/mailboxes/{address}/app-passwords")
def add_app_password(visit: Owner, address: str, form: Filled) -> Response:
    try:
        made = app_passwords.create(visit.office, visit.here, address, form.get("name"))
    except RefusedError as error:
        return _one(visit, address, form.failed(error, ("name",)))
    visit.note("app_password.create", f"{made.address}: {made.name}")
    return _secret(visit, made.address, made.password)


@router.post("/p/{project}/mailboxes/{address}/app-passwords/{password}/revoke")
def revoke(visit: Owner, address: str, password: int, _: Filled) -> Response:
    app_passwords.revoke(visit.office, visit.here, address, password)
    return visit.done("app_password.revoke", address, f"/mailboxes/{address}", "app_password_gone")


@router.get("/p/{project}/aliases")
def show_aliases(visit: Viewer, window: InWindow) -> Response:
    return _aliases(visit, window, Form())


@router.post("/p/{project}/aliases")
def add_alias(visit: Owner, form: Filled) -> Response:
    address = f"{form.get('local').strip()}@{form.get('domain')}"
    try:
        made = aliases.add(visit.office, visit.here, address, form.get("target"))
    except RefusedError as error:
        return _aliases(visit, Window(), form.failed(error, ("local", "target")))
    told = f"{thing('alias', made.id, made.address)} → {made.target}"
    return visit.done("alias.add", told, "/aliases", "alias_made")


@router.post("/p/{project}/aliases/{alias}/remove")
def remove_alias(visit: Owner, alias: int, _: Filled) -> Response:
    named = visit.thing("alias", alias)
    aliases.remove(visit.office, visit.here, alias)
    return visit.done("alias.remove", named, "/aliases", "alias_gone")


def _list(visit: Visit, window: Window, form: Form) -> Response:
    found = mailboxes.page(visit.office, visit.here, window)
    return visit.page("mailboxes.html", {"found": found, "domains": _domains(visit)}, form)


def _one(visit: Visit, address: str, form: Form) -> Response:
    shown = {
        "address": address, "one": mailboxes.get(visit.office, visit.here, address), "mb": _MB,
        "passwords": app_passwords.of_mailbox(visit.office, visit.here, address),
        "listed": correspondents.page(visit.office, visit.here, address, Window(limit=LONGEST)),
        "standings": [one.value for one in Standing],
    }  # fmt: skip
    return visit.page("mailbox.html", shown, form)


def _aliases(visit: Visit, window: Window, form: Form) -> Response:
    found = aliases.page(visit.office, visit.here, window)
    return visit.page("aliases.html", {"found": found, "domains": _domains(visit)}, form)


def _domains(visit: Visit) -> list[domains.DomainView]:
    return [one for one in domains.page(visit.office, visit.here, Window(limit=_OFFERED)).items if one.owned]


def _secret(visit: Visit, login: str, password: str) -> Response:
    return visit.page("secret.html", {"login": login, "password": password, "back": f"{visit.base}/mailboxes"})
