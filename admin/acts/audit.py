"""The audit trail as its project's owner and the operator read it (PRODUCT P4)."""

from __future__ import annotations

from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from store import audit
from store.audit import Entry


def page(office: Office, project: int | None, window: Window) -> Page[Entry]:
    """The newest first; `project` None: of all, for the operator."""
    with office.read() as connection:
        rows = audit.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, lambda row: row, lambda row: row.id)


def note(office: Office, project: int | None, who: str, act: str, subject: str, address: str) -> None:
    now = office.now()
    office.write(lambda tx: audit.note(tx, project, who, act, subject, address, now))
