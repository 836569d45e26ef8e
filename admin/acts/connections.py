"""SMTP connections: login and password of their own, bound to one sender on a sending domain (PRODUCT S2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.address import parse_mailbox
from store import connections, domains, senders
from store.secrets import generate_secret

_NAME_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class NewConnection:
    """`password` is shown here and never again."""

    id: int
    name: str
    login: str
    password: str
    state: str


@dataclass(frozen=True, slots=True)
class ConnectionView:
    id: int
    name: str
    sender: str
    login: str
    state: str
    retry: str


def create(
    office: Office, project: int, name: str, sender: int, *, approved: bool, transactional: bool = False
) -> NewConnection:
    """`approved`: the operator asks, who would decide; what a project asks for waits for that decision.

    `transactional`: somebody waits for its mail, which goes before all other and is given up sooner.
    """
    name = name.strip()
    if not name or len(name) > _NAME_LIMIT or not name.isprintable():
        raise InvalidError(f"name: 1 to {_NAME_LIMIT} printable characters")
    login, password, now = f"smtp-{generate_secret()[:12]}", generate_secret(), office.now()
    state = connections.ACTIVE if approved else connections.MODERATED
    retry = connections.TRANSACTIONAL if transactional else connections.SUBMISSION
    secret_hash = office.vault.hash_generated(password)

    def work(tx: Any) -> connections.Connection:
        _check_sender(tx, project, sender)
        return connections.create(tx, project, sender, name, login, secret_hash, state, now, retry)

    made = office.write(work)
    return NewConnection(made.id, made.name, made.login, password, made.state)


def _check_sender(tx: Any, project: int, sender: int) -> None:
    found = senders.get(tx, project, sender)
    if found is None:
        raise NotFoundError(f"this project has no sender {sender}")
    if not found.authorised:
        raise ConflictError(f"sender {found.address} is not authorised yet")
    domain = domains.get(tx, project, parse_mailbox(found.address).ascii_domain)
    if domain is None or not domain.sending:
        raise ConflictError(f"the domain of sender {found.address} may not send yet: its SPF and DKIM must pass first")


def page(office: Office, project: int, window: Window) -> Page[ConnectionView]:
    with office.read() as connection:
        rows = connections.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def _view(row: connections.Connection) -> ConnectionView:
    return ConnectionView(row.id, row.name, row.sender_address, row.login, row.state, row.retry)
