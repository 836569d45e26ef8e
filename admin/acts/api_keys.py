"""The API keys of a project: made under a name, shown once, each revocable by itself (PRODUCT P1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from store import keys
from store.keys import Listed
from store.secrets import generate_secret

_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """`key` is shown here and never again."""

    id: int
    name: str
    key: str


def create(office: Office, project: int, name: str) -> NewKey:
    """Raises InvalidError and ConflictError."""
    name, secret, now = name.strip(), generate_secret(), office.now()
    if not 1 <= len(name) <= _NAME or not name.isprintable():
        raise InvalidError(f"name: 1 to {_NAME} printable characters that tell the program")

    def work(tx: Any) -> int:
        if len(keys.of_project(tx, project)) >= keys.MOST:
            raise ConflictError(f"name: {keys.MOST} keys are the most; revoke one")
        return keys.create(tx, project, name, office.vault.hash_generated(secret), now)

    return NewKey(office.write(work), name, secret)


def of_project(office: Office, project: int) -> list[Listed]:
    """Oldest first."""
    with office.read() as connection:
        return keys.of_project(connection, project)


def revoke(office: Office, project: int, key: int) -> None:
    """It opens nothing any more. Raises NotFoundError."""
    if not office.write(lambda tx: keys.revoke(tx, project, key)):
        raise NotFoundError(f"this project has no API key {key}")
