"""Imports as they are shown: how far, and what was wrong in which line (PRODUCT L2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from admin import importing, sheets
from admin.acts import lists
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import NotFoundError
from store import imports

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class ImportView:
    id: int
    list: int
    state: str
    rows: int
    added: int
    updated: int
    errors: int
    bytes_read: int
    bytes_total: int
    reason: str | None


def create(office: Office, project: int, list_id: int, path: Path) -> ImportView:
    """Queued for the clock. Raises NotFoundError and InvalidError."""
    lists.get(office, project, list_id)
    return _view(importing.queue(office, project, list_id, path))


def get(office: Office, project: int, import_id: int) -> ImportView:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = imports.get(connection, project, import_id)
    if found is None:
        raise NotFoundError(f"this project has no import {import_id}")
    return _view(found)


def page(office: Office, project: int, window: Window) -> Page[ImportView]:
    with office.read() as connection:
        rows = imports.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def errors_csv(office: Office, project: int, import_id: int) -> Iterator[str]:
    """The mistakes as CSV with header, page by page, so that a million fit. Raises NotFoundError before the first."""
    get(office, project, import_id)
    return _error_pages(office, import_id)


def _error_pages(office: Office, import_id: int) -> Iterator[str]:
    yield "line;value;error\r\n"
    after = 0
    while True:
        with office.read() as connection:
            found = imports.mistakes(connection, import_id, after, _PAGE)
        if not found:
            return
        yield sheets.lines((one.line, one.value, one.error) for one in found)
        after = found[-1].line


def _view(row: imports.Import) -> ImportView:
    done = row.progress
    return ImportView(
        id=row.id,
        list=row.list_id,
        state=row.state,
        rows=done.rows,
        added=done.added,
        updated=done.updated,
        errors=done.errors,
        bytes_read=done.bytes_read,
        bytes_total=row.bytes_total,
        reason=row.reason,
    )
