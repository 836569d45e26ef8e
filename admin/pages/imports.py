"""Imports of CSV files into a list: sent, followed live, their mistakes downloaded (PRODUCT L2).

Crash case: as in admin/api/imports.py, whose sweep takes a file that no import names.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from admin.acts import imports, lists
from admin.acts.things import thing
from admin.api.doors import InWindow
from admin.pages.forms import Filled, Form
from admin.pages.visit import Member, Viewer, Visit
from admin.refusals import InvalidError, RefusedError

_TEMPLATE = "address;name;city\r\nann@example.org;Ann;Riga\r\n"

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/imports")
def show_all(visit: Viewer, window: InWindow) -> Response:
    return visit.page("imports.html", {"found": imports.page(visit.office, visit.here, window)})


@router.get("/p/{project}/lists/{list_id}/import")
def ask(visit: Member, list_id: int) -> Response:
    return _ask(visit, list_id, Form())


@router.get("/p/{project}/imports/template.csv")
def template(_: Viewer) -> Response:
    named = {"Content-Disposition": 'attachment; filename="clients.csv"'}
    return Response(_TEMPLATE, headers=named, media_type="text/csv; charset=utf-8")


@router.post("/p/{project}/lists/{list_id}/import")
def create(visit: Member, list_id: int, form: Filled) -> Response:
    found = lists.get(visit.office, visit.here, list_id)
    path = visit.office.uploads / f"{secrets.token_hex(16)}.csv"
    try:
        _keep(form, path)
        made = imports.create(visit.office, visit.here, list_id, path)
    except RefusedError as error:
        path.unlink(missing_ok=True)
        return _ask(visit, list_id, form.failed(error, ("file",)))
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return visit.done("import.create", thing("list", list_id, found.name), f"/imports/{made.id}")


def _keep(form: Form, path: Path) -> None:
    """Durable when this returns."""
    if form.file is None or not form.file.filename:
        raise InvalidError("file: choose a CSV file")
    with path.open("xb") as file:
        shutil.copyfileobj(form.file.file, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


@router.get("/p/{project}/imports/{import_id}")
def show(visit: Viewer, import_id: int) -> Response:
    found = imports.get(visit.office, visit.here, import_id)
    return visit.page("import.html", {"one": found, "list": lists.get(visit.office, visit.here, found.list)})


@router.get("/p/{project}/imports/{import_id}/progress")
def progress(visit: Viewer, import_id: int) -> Response:
    """The part of the page that htmx asks for again while the import runs."""
    return visit.page("import_progress.html", {"one": imports.get(visit.office, visit.here, import_id)})


@router.get("/p/{project}/imports/{import_id}/errors.csv")
def errors(visit: Viewer, import_id: int) -> StreamingResponse:
    lines = imports.errors_csv(visit.office, visit.here, import_id)
    named = {"Content-Disposition": f'attachment; filename="import-{import_id}-errors.csv"'}
    return StreamingResponse(lines, headers=named, media_type="text/csv; charset=utf-8")


def _ask(visit: Visit, list_id: int, form: Form) -> Response:
    return visit.page("import_new.html", {"list": lists.get(visit.office, visit.here, list_id)}, form)
