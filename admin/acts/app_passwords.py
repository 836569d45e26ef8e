"""App passwords of a mailbox: made by us, shown once, each revocable by itself (PRODUCT M1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from admin.acts.mailboxes import address_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from store import app_passwords, mailboxes
from store.mailboxes import Mailbox
from store.secrets import generate_secret

_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class NewAppPassword:
    """`password` is shown here and never again."""

    id: int
    address: str
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class AppPasswordView:
    """`used_at`: to the hour; None: never."""

    id: int
    name: str
    created_at: datetime
    used_at: datetime | None


def create(office: Office, project: int, address: str, name: str) -> NewAppPassword:
    """Raises InvalidError, NotFoundError, ConflictError."""
    name, key, secret, now = name.strip(), address_of(address).normalised, generate_secret(), office.now()
    if not 1 <= len(name) <= _NAME or not name.isprintable():
        raise InvalidError(f"name: 1 to {_NAME} printable characters that tell the program or device")

    def work(tx: Any) -> NewAppPassword:
        mailbox = _mailbox(tx, project, key, address)
        if len(app_passwords.of_mailbox(tx, mailbox.id)) >= app_passwords.MOST:
            raise ConflictError(
                f"mailbox {mailbox.address}: {app_passwords.MOST} app passwords are the most; revoke one"
            )
        made = app_passwords.create(tx, office.vault, mailbox.id, key, name, secret, now)
        return NewAppPassword(made, mailbox.address, name, secret)

    return office.write(work)


def of_mailbox(office: Office, project: int, address: str) -> list[AppPasswordView]:
    """Oldest first. Raises NotFoundError."""
    key = address_of(address).normalised
    with office.read() as tx:
        kept = app_passwords.of_mailbox(tx, _mailbox(tx, project, key, address).id)
    with office.stores.mail.database.read() as tx:
        uses = app_passwords.uses(tx, [one.id for one in kept])
    return [AppPasswordView(one.id, one.name, one.created_at, uses.get(one.id)) for one in kept]


def revoke(office: Office, project: int, address: str, password_id: int) -> None:
    """Raises NotFoundError."""
    key = address_of(address).normalised

    def work(tx: Any) -> bool:
        return app_passwords.revoke(tx, _mailbox(tx, project, key, address).id, password_id)

    if not office.write(work):
        raise NotFoundError(f"mailbox {address} has no app password {password_id}")


def _mailbox(tx: Any, project: int, key: str, address: str) -> Mailbox:
    found = mailboxes.by_address(tx, key)
    if found is None or found.project_id != project:
        raise NotFoundError(f"this project has no mailbox {address}")
    return found
