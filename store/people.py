"""The people who sign in: operators and the members of projects (PRODUCT P4).

Called by admin. `password_hash` is what store/mailboxes.verify reads; `totp` is sealed by the caller for `place`.
Functions run in the caller's transaction on `core`; `create` raises TakenError.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from store.projects import TakenError
from store.schema import connections, people, recovery_codes, sessions

OPERATOR: Final = "operator"
ROLES: Final = ("owner", "member", "viewer")  # of a project, the mightiest first


@dataclass(frozen=True, slots=True)
class Person:
    """`project` None: an operator, of all projects. `totp` None: a password is enough."""

    id: int
    login: str
    role: str
    project: int | None
    password_hash: str
    totp: bytes | None
    totp_step: int
    language: str | None
    theme: str | None


def place(person: int) -> str:
    """For which place the vault seals a person's TOTP secret."""
    return f"people.totp of {person}"


def put(tx: Connection, login: str, role: str, project: int | None, password_hash: str, now: datetime) -> None:
    """Make the person, or give the one of that login this password."""
    if find(tx, login) is not None:
        tx.execute(update(people).where(people.c.login == login).values(password_hash=password_hash))
        return
    create(tx, login, role, project, password_hash, now)


def create(tx: Connection, login: str, role: str, project: int | None, password_hash: str, now: datetime) -> Person:
    if find(tx, login) is not None:
        raise TakenError(f"somebody signs in as {login} already; choose another login")
    values = {"login": login, "role": role, "project_id": project, "password_hash": password_hash, "created_at": now}
    return _person(tx.execute(insert(people).values(values).returning(*people.c)).one())


def find(tx: Connection, login: str) -> Person | None:
    row = tx.execute(select(people).where(people.c.login == login)).one_or_none()
    return None if row is None else _person(row)


def get(tx: Connection, person: int) -> Person | None:
    row = tx.execute(select(people).where(people.c.id == person)).one_or_none()
    return None if row is None else _person(row)


def page(tx: Connection, project: int | None, after: int, limit: int) -> list[Person]:
    """Of one project, or (None) the operators."""
    own = people.c.project_id.is_(None) if project is None else people.c.project_id == project
    wanted = select(people).where(own, people.c.id > after).order_by(people.c.id).limit(limit)
    return [_person(row) for row in tx.execute(wanted)]


def set_role(tx: Connection, person: int, role: str) -> None:
    tx.execute(update(people).where(people.c.id == person).values(role=role))


def set_password(tx: Connection, person: int, password_hash: str) -> None:
    tx.execute(update(people).where(people.c.id == person).values(password_hash=password_hash))


def set_tastes(tx: Connection, person: int, language: str | None, theme: str | None) -> None:
    tx.execute(update(people).where(people.c.id == person).values(language=language, theme=theme))


def set_totp(tx: Connection, person: int, sealed: bytes | None, step: int, code_hashes: Collection[bytes]) -> None:
    """With `step` used already, and these recovery codes in place of all older ones. None: a password is enough."""
    tx.execute(update(people).where(people.c.id == person).values(totp=sealed, totp_step=step))
    tx.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person))
    if code_hashes:
        tx.execute(insert(recovery_codes), [{"person_id": person, "code_hash": one} for one in code_hashes])


def use_step(tx: Connection, person: int, step: int) -> bool:
    """Each code is good once: False where this one, or a later one, was used (RFC 6238 §5.2)."""
    unused = update(people).where(people.c.id == person, people.c.totp_step < step)
    return tx.execute(unused.values(totp_step=step)).rowcount == 1


def use_recovery_code(tx: Connection, person: int, code_hash: bytes) -> bool:
    """Whether it was one, and is none any more."""
    mine = (recovery_codes.c.person_id == person, recovery_codes.c.code_hash == code_hash)
    return tx.execute(delete(recovery_codes).where(*mine)).rowcount == 1


def remove(tx: Connection, person: int) -> None:
    """With what signs the person in; what they asked for stays and is nobody's."""
    tx.execute(update(connections).where(connections.c.asked_by == person).values(asked_by=None))
    tx.execute(delete(sessions).where(sessions.c.person_id == person))
    tx.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person))
    tx.execute(delete(people).where(people.c.id == person))


def _person(row: Row[Any]) -> Person:
    return Person(
        row.id, row.login, row.role, row.project_id, row.password_hash, row.totp, row.totp_step, row.language, row.theme
    )  # fmt: skip
