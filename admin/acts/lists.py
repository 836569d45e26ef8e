"""Lists of clients (PRODUCT L1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from store import lists
from store.projects import TakenError

_NAME_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class ListView:
    id: int
    name: str


def create(office: Office, project: int, name: str) -> ListView:
    name = name.strip()
    if not name or len(name) > _NAME_LIMIT or not name.isprintable():
        raise InvalidError(f"list name: 1 to {_NAME_LIMIT} printable characters")
    now = office.now()
    try:
        made = office.write(lambda tx: lists.create(tx, project, name, now))
    except TakenError as error:
        raise ConflictError(str(error)) from error
    return ListView(made.id, made.name)


def get(office: Office, project: int, list_id: int) -> ListView:
    """Raises NotFoundError, also for another project's."""
    with office.read() as connection:
        found = lists.get(connection, project, list_id)
    if found is None:
        raise NotFoundError(f"this project has no list {list_id}")
    return ListView(found.id, found.name)


def by_name(office: Office, project: int, name: str) -> ListView:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = lists.find(connection, project, name)
    if found is None:
        raise NotFoundError(f"this project has no list named {name[:80]!r}")
    return ListView(found.id, found.name)


def page(office: Office, project: int, window: Window) -> Page[ListView]:
    with office.read() as connection:
        rows = lists.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, lambda row: ListView(row.id, row.name), lambda row: row.id)
