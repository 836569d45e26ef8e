"""The people of a project and the operators: invited with a password that is shown once, removed (PRODUCT P4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from admin.acts.mailboxes import address_of
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from store import mailboxes, people, sessions
from store.people import OPERATOR, ROLES, Person
from store.projects import TakenError
from store.secrets import generate_secret


@dataclass(frozen=True, slots=True)
class PersonView:
    id: int
    login: str
    role: str
    second_factor: bool


@dataclass(frozen=True, slots=True)
class NewPerson:
    """`password` is shown here and never again."""

    id: int
    login: str
    role: str
    password: str


def create(office: Office, project: int | None, login: str, role: str) -> NewPerson:
    """`project` None: another operator. The login is the person's address. Raises InvalidError, ConflictError."""
    login, now, password = str(address_of(login)), office.now(), generate_secret()
    _check_role(project, role)
    password_hash = mailboxes.generated_hash(office.vault, password)
    try:
        made = office.write(lambda tx: people.create(tx, login, role, project, password_hash, now))
    except TakenError as error:
        raise ConflictError(f"login: {error}") from error
    return NewPerson(made.id, made.login, made.role, password)


def _check_role(project: int | None, role: str) -> None:
    allowed = (OPERATOR,) if project is None else ROLES
    if role not in allowed:
        raise InvalidError(f"role: one of {', '.join(allowed)}")


def page(office: Office, project: int | None, window: Window) -> Page[PersonView]:
    with office.read() as connection:
        rows = people.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def set_role(office: Office, project: int, person: int, role: str, by: int | None) -> PersonView:
    """`by` None: the operator's key or shell. Raises ConflictError for one's own: the last owner would lock all out."""
    _check_role(project, role)

    def work(tx: Any) -> Person:
        found = _of_project(tx, project, person)
        if person == by:
            raise ConflictError("your own role is changed by another owner or the operator")
        people.set_role(tx, person, role)
        sessions.end_others(tx, person, None)
        return found

    moved = office.write(work)
    return PersonView(moved.id, moved.login, role, moved.totp is not None)


def new_password(office: Office, project: int | None, person: int) -> NewPerson:
    """A generated one in place of the old; a lost second factor is taken away too. All sessions end."""
    password = generate_secret()
    password_hash = mailboxes.generated_hash(office.vault, password)

    def work(tx: Any) -> Person:
        found = _of_project(tx, project, person)
        people.set_password(tx, person, password_hash)
        people.set_totp(tx, person, None, 0, ())
        sessions.end_others(tx, person, None)
        return found

    found = office.write(work)
    return NewPerson(found.id, found.login, found.role, password)


def remove(office: Office, project: int | None, person: int, by: int | None) -> str:
    """The login that is gone. Raises ConflictError for oneself, and for the last operator."""

    def work(tx: Any) -> str:
        found = _of_project(tx, project, person)
        if person == by:
            raise ConflictError("nobody removes themselves; another owner or the operator does")
        if project is None and len(people.page(tx, None, 0, 2)) == 1:
            raise ConflictError(f"{found.login} is the last operator; add another one first")
        people.remove(tx, person)
        return found.login

    return office.write(work)


def by_login(office: Office, project: int | None, login: str) -> PersonView:
    """Raises NotFoundError, also for another project's."""
    with office.read() as connection:
        found = people.find(connection, login.strip().lower())
    if found is None or found.project != project:
        raise NotFoundError(f"nobody signs in as {login[:80]!r} here")
    return _view(found)


def _of_project(tx: Any, project: int | None, person: int) -> Person:
    found = people.get(tx, person)
    if found is None or found.project != project:
        raise NotFoundError(f"there is no person {person} here")
    return found


def _view(row: Person) -> PersonView:
    return PersonView(row.id, row.login, row.role, row.totp is not None)
