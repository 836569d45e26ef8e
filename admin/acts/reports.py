"""Reports of others about a project's domain: the list, and the rows of one (PRODUCT I4)."""

from __future__ import annotations

from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import NotFoundError
from store import domains, received_reports
from store.received_reports import KeptReport, KeptRow


def page(office: Office, project: int, name: str, window: Window) -> Page[KeptReport]:
    """The newest first. Raises NotFoundError, also for another project's domain."""
    domain = _domain(office, project, name)
    with office.stores.events.database.read() as connection:
        rows = received_reports.page(connection, domain, window.after, window.limit + 1)
    return page_of(rows, window, lambda row: row, lambda row: row.id)


def rows(office: Office, project: int, name: str, report: int, window: Window) -> Page[KeptRow]:
    """Raises NotFoundError, also for a report about another domain."""
    domain = _domain(office, project, name)
    with office.stores.events.database.read() as connection:
        if received_reports.get(connection, domain, report) is None:
            raise NotFoundError(f"{domain} has no report {report}")
        found = received_reports.rows_of(connection, report, window.after, window.limit + 1)
    return page_of(found, window, lambda one: one[1], lambda one: one[0])


def _domain(office: Office, project: int, name: str) -> str:
    with office.read() as connection:
        domain = domains.get(connection, project, name.lower())
    if domain is None:
        raise NotFoundError(f"this project has no domain {name[:80]!r}")
    return domain.name
