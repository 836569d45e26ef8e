"""Segments: made, seen with about how many clients at once and exactly after, edited, removed (PRODUCT L5)."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response

from admin.acts import lists, segments
from admin.acts.pages import Window
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import RefusedError
from policy.segment import BARE, MOST, Ask, Rule, plain

_OFFERED: Final = 200
_BLANKS: Final = 2  # empty rows for further variables
_FIELDS: Final = ("name", "lists", "without", "rating", "registered", "variables")

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/segments")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return visit.page("segments.html", {"found": segments.page(visit.office, visit.here, window)})


@router.get("/p/{project}/segments/new")
def ask(visit: Member) -> Response:
    return _form(visit, None, "", plain(Rule()), Form())


@router.post("/p/{project}/segments")
def create(visit: Member, form: Filled) -> Response:
    rule = _raw(form)
    try:
        made = segments.create(visit.office, visit.here, form.get("name"), rule)
    except RefusedError as error:
        return _form(visit, None, form.get("name"), rule, form.failed(error, _FIELDS))
    return visit.done("segment.create", thing("segment", made.id, made.name), f"/segments/{made.id}", "segment_made")


@router.get("/p/{project}/segments/{segment}")
def show(visit: Viewer, segment: int) -> Response:
    found = segments.get(visit.office, visit.here, segment)
    return visit.page("segment.html", {"one": found, "names": _names(visit)})


@router.get("/p/{project}/segments/{segment}/count")
def count(visit: Viewer, segment: int) -> Response:
    """The part of the page that says exactly how many they are."""
    return visit.page("segment_size.html", {"size": segments.count(visit.office, visit.here, segment)})


@router.get("/p/{project}/segments/{segment}/edit")
def show_form(visit: Member, segment: int) -> Response:
    found = segments.get_rule(visit.office, visit.here, segment)
    return _form(visit, segment, found.name, plain(found.rule), Form())


@router.post("/p/{project}/segments/{segment}")
def edit(visit: Member, segment: int, form: Filled) -> Response:
    rule = _raw(form)
    try:
        edited = segments.edit(visit.office, visit.here, segment, form.get("name"), rule)
    except RefusedError as error:
        segments.get_rule(visit.office, visit.here, segment)  # another's has no form
        return _form(visit, segment, form.get("name"), rule, form.failed(error, _FIELDS))
    return visit.done("segment.edit", thing("segment", segment, edited.name), f"/segments/{segment}", "saved")


@router.post("/p/{project}/segments/{segment}/remove")
def remove(visit: Member, segment: int, _: Filled) -> Response:
    gone = segments.remove(visit.office, visit.here, segment)
    return visit.done("segment.remove", thing("segment", segment, gone), "/segments", "segment_gone")


def _raw(form: Form) -> dict[str, Any]:
    """The rule as the form tells it; what was left empty is left out."""
    rows = zip(form.all("variable"), form.all("test"), form.all("value"), strict=False)
    raw: dict[str, Any] = {
        "lists": _ids(form, "lists"), "without": _ids(form, "without"), "any_of": form.get("any_of") == "yes",
        "variables": [
            {"variable": variable.strip(), "test": test, "value": "" if Ask(test) in BARE else value.strip()}
            for variable, test, value in rows
            if variable.strip() and test in {one.value for one in Ask}
        ],
    }  # fmt: skip
    for name in ("rating_from", "rating_to"):
        if form.get(name).isascii() and form.get(name).isdigit():
            raw[name] = int(form.get(name)[:4])
    for name in ("registered_from", "registered_to"):
        if form.get(name):
            raw[name] = form.get(name)
    return raw


def _ids(form: Form, name: str) -> list[int]:
    return [int(one) for one in form.all(name) if one.isascii() and one.isdigit() and len(one) < 16]


def _names(visit: Visit) -> dict[int, str]:
    return {one.id: one.name for one in lists.page(visit.office, visit.here, Window(limit=_OFFERED)).items}


def _form(visit: Visit, segment: int | None, name: str, rule: dict[str, Any], form: Form) -> Response:
    blank = {"variable": "", "test": Ask.IS.value, "value": ""}
    rows = [*rule["variables"], *[blank] * _BLANKS][: max(MOST, len(rule["variables"]))]
    shown = {
        "segment": segment, "name": name, "rule": plain(Rule()) | rule, "rows": rows, "names": _names(visit),
        "tests": [one.value for one in Ask],
    }  # fmt: skip
    return visit.page("segment_form.html", shown, form)
