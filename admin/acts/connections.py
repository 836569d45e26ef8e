"""SMTP connections: login and password of their own, bound to one sender on a sending domain (PRODUCT S2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from admin import notices
from admin.acts.gate import refuse
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.address import parse_mailbox
from policy.sender_standing import obstacles
from store import connections, sender_standing, senders
from store.secrets import generate_secret

_NAME_LIMIT: Final = 100
_ANSWER: Final = 2000
_WAITING: Final = 200
QUESTIONS: Final = ("purpose", "volume", "source")  # all must be answered; the answers decide


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
    answers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One that waits for the operator's decision."""

    id: int
    project: int
    name: str
    sender: str
    answers: Mapping[str, str]
    created_at: datetime


def create(
    office: Office,
    project: int,
    name: str,
    sender: int,
    *,
    approved: bool,
    transactional: bool = False,
    answers: Mapping[str, str] | None = None,
    asked_by: int | None = None,
) -> NewConnection:
    """`approved`: the operator asks, who would decide; what a project asks for waits for that decision.

    `answers` are those of the questionnaire, by QUESTIONS.

    `asked_by`: the person whom the decision is mailed to; None: the project's owners.

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
        return connections.create(tx, project, sender, name, login, secret_hash, state, now, retry, answers, asked_by)

    made = office.write(work)
    return NewConnection(made.id, made.name, made.login, password, made.state)


def _check_sender(tx: Any, project: int, sender: int) -> None:
    found = senders.get(tx, project, sender)
    if found is None:
        raise NotFoundError(f"this project has no sender {sender}")
    facts = sender_standing.gather(tx, project, parse_mailbox(found.address), authorised=found.authorised)
    refuse(obstacles(replace(facts, stopped=None)))  # an earlier request keeps nobody from asking


def page(office: Office, project: int, window: Window) -> Page[ConnectionView]:
    with office.read() as connection:
        rows = connections.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def ask(
    office: Office,
    project: int,
    name: str,
    sender: int,
    answers: Mapping[str, str],
    transactional: bool = False,
    asked_by: int | None = None,
) -> NewConnection:
    """With the questionnaire answered; it waits for the operator. Raises InvalidError naming the answer that lacks."""
    for question in QUESTIONS:
        if not 1 <= len(answers.get(question, "").strip()) <= _ANSWER:
            raise InvalidError(f"{question}: an answer of 1 to {_ANSWER} characters; the answers decide")
    kept = {question: answers[question].strip() for question in QUESTIONS}
    return create(
        office, project, name, sender, approved=False, transactional=transactional, answers=kept, asked_by=asked_by
    )


def get(office: Office, project: int, connection: int) -> ConnectionView:
    """Raises NotFoundError."""
    with office.read() as tx:
        found = connections.get(tx, project, connection)
    if found is None:
        raise NotFoundError(f"this project has no SMTP connection {connection}")
    return _view(found)


def by_name(office: Office, project: int, name: str) -> ConnectionView:
    """The oldest of that name. Raises NotFoundError."""
    with office.read() as tx:
        found = connections.find_named(tx, name, project)
    if found is None:
        raise NotFoundError(f"this project has no SMTP connection named {name[:80]!r}")
    return _view(found)


def new_password(office: Office, project: int, connection: int) -> NewConnection:
    """In place of the old one, shown here and never again. Raises ConflictError for one that may not send."""
    password = generate_secret()
    secret_hash = office.vault.hash_generated(password)

    def work(tx: Any) -> connections.Connection:
        found = connections.get(tx, project, connection)
        if found is None:
            raise NotFoundError(f"this project has no SMTP connection {connection}")
        if not found.active:
            raise ConflictError(f"connection {found.name} is {found.state}; a password comes with its approval")
        connections.set_secret(tx, connection, secret_hash)
        return found

    found = office.write(work)
    return NewConnection(found.id, found.name, found.login, password, found.state)


def moderated(office: Office) -> list[Request]:
    """What waits for the operator, the oldest first."""
    with office.read() as tx:
        rows = connections.waiting(tx, _WAITING)
    return [Request(row.id, row.project, row.name, row.sender_address, row.answers, row.created_at) for row in rows]


def decide(office: Office, connection: int, approved: bool, reason: str) -> ConnectionView:
    """By the operator, mailed to who asked; a rejection has a reason for them. Raises InvalidError, ConflictError."""
    if not approved and not 1 <= len(reason) <= _ANSWER:
        raise InvalidError("reason: say why it is rejected; the project reads it")
    state = connections.ACTIVE if approved else connections.REJECTED
    desk, now = notices.notices(office), office.now()

    def work(tx: Any) -> connections.Connection | None:
        found = connections.decide(tx, connection, state, None if approved else reason)
        if found is not None:
            told = notices.decided(found.project, found.id, found.name, approved, reason)
            desk.tell(tx, found.project, told, now, found.asked_by)
        return found

    decided = office.write(work)
    if decided is None:
        raise ConflictError(f"SMTP connection {connection} waits for no decision any more")
    return _view(decided)


def _view(row: connections.Connection) -> ConnectionView:
    return ConnectionView(
        row.id, row.name, row.sender_address, row.login, row.state, row.retry, row.answers, row.reason
    )
