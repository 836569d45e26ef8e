"""Lists of clients (PRODUCT L1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from admin import sheets
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from store import clients, list_ratings, lists
from store.projects import TakenError

_NAME_LIMIT: Final = 200
_PART: Final = 1000  # clients of one read


@dataclass(frozen=True, slots=True)
class ListView:
    """`clients`: how many are on it."""

    id: int
    name: str
    clients: int


def create(office: Office, project: int, name: str) -> ListView:
    name = name.strip()
    if not name or len(name) > _NAME_LIMIT or not name.isprintable():
        raise InvalidError(f"list name: 1 to {_NAME_LIMIT} printable characters")
    now = office.now()
    try:
        made = office.write(lambda tx: lists.create(tx, project, name, now))
    except TakenError as error:
        raise ConflictError(str(error)) from error
    return ListView(made.id, made.name, 0)


def get(office: Office, project: int, list_id: int) -> ListView:
    """Raises NotFoundError, also for another project's."""
    with office.read() as connection:
        found = lists.get(connection, project, list_id)
        sizes = list_ratings.sizes(connection, project, [list_id])
    if found is None:
        raise NotFoundError(f"this project has no list {list_id}")
    return ListView(found.id, found.name, sizes[list_id])


def by_name(office: Office, project: int, name: str) -> ListView:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = lists.find(connection, project, name)
    if found is None:
        raise NotFoundError(f"this project has no list named {name[:80]!r}")
    return get(office, project, found.id)


def csv(office: Office, project: int, list_id: int) -> Iterator[str]:
    """Everybody on it with rating, consent and variables, part by part; who comes meanwhile may be in it or not.

    Raises NotFoundError before the first part.
    """
    get(office, project, list_id)
    return _csv(office, project, list_id)


def _csv(office: Office, project: int, list_id: int) -> Iterator[str]:
    names = sorted({name for part in _members(office, project, list_id) for one in part for name in one.variables})
    yield sheets.lines([("address", "rating", "subscribed", "registered", *names)])
    for part in _members(office, project, list_id):
        yield sheets.lines(
            (
                one.address, one.rating, "yes" if one.subscribed else "no", one.registered_at.date().isoformat(),
                *(str(one.variables.get(name, "")) for name in names),
            )
            for one in part
        )  # fmt: skip


def _members(office: Office, project: int, list_id: int) -> Iterator[list[clients.Client]]:
    after = 0
    while True:
        with office.read() as connection:
            part = clients.page(connection, project, list_id, after, _PART)
        if not part:
            return
        yield part
        after = part[-1].id


def page(office: Office, project: int, window: Window) -> Page[ListView]:
    with office.read() as connection:
        rows = lists.page(connection, project, window.after, window.limit + 1)
        sizes = list_ratings.sizes(connection, project, [row.id for row in rows])
    return page_of(rows, window, lambda row: ListView(row.id, row.name, sizes[row.id]), lambda row: row.id)
