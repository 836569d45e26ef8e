"""Projects: made by the operator, each with an API key that is shown once (PRODUCT P1, P2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from store import keys, projects
from store.secrets import generate_secret

_NAME: Final = re.compile(r"[^\W_][\w .-]{0,63}")


@dataclass(frozen=True, slots=True)
class ProjectView:
    id: int
    name: str
    campaigns_allowed: bool


@dataclass(frozen=True, slots=True)
class NewProject:
    """`api_key` is shown here and never again."""

    id: int
    name: str
    api_key: str


def create(office: Office, name: str, campaigns_allowed: bool) -> NewProject:
    if not _NAME.fullmatch(name):
        raise InvalidError(f"project name {name[:80]!r}: 1 to 64 letters, digits, spaces, dots, dashes, no other")
    key, now = generate_secret(), office.now()
    key_hash = office.vault.hash_generated(key)

    def work(tx: Any) -> projects.Project:
        project = projects.create(tx, name, campaigns_allowed, now)
        keys.create(tx, project.id, "first", key_hash, now)
        return project

    try:
        made = office.write(work)
    except projects.TakenError as error:
        raise ConflictError(str(error)) from error
    return NewProject(made.id, made.name, key)


def allow_campaigns(office: Office, name: str, allowed: bool) -> ProjectView:
    """Its plan from now on; campaigns that run go on. Raises NotFoundError."""
    here = by_name(office, name).id
    return _view(office.write(lambda tx: projects.allow_campaigns(tx, here, allowed)))


def page(office: Office, window: Window) -> Page[ProjectView]:
    with office.read() as connection:
        rows = projects.page(connection, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def by_name(office: Office, name: str) -> ProjectView:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = projects.find(connection, name)
    if found is None:
        raise NotFoundError(f"no project is named {name[:80]!r}")
    return _view(found)


def named(connection: Any, name: str) -> int | None:
    """The id of the project of that name."""
    found = projects.find(connection, name)
    return None if found is None else found.id


def _view(row: projects.Project) -> ProjectView:
    return ProjectView(row.id, row.name, row.campaigns_allowed)
