"""Senders: authorised at once where the mailbox is here in a domain of the same project (PRODUCT C1, C2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from admin.acts.domains import domain_name
from admin.acts.gate import reasons_of
from admin.acts.mailboxes import address_of
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.address import Address, display
from policy.free_mail import is_free_mail
from policy.sender_standing import obstacles
from store import domains, mailboxes, sender_standing, senders
from store.projects import TakenError

_NAME_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class SenderView:
    """`obstacles`: all that keeps it from sending, each with its name, words that say the mend, and its values."""

    id: int
    address: str
    display_name: str
    authorised: bool
    obstacles: list[dict[str, Any]]


def create(office: Office, project: int, address: str, display_name: str) -> SenderView:
    parsed, name = address_of(address), display_name.strip()
    _check_words(parsed, name)
    now = office.now()

    def work(tx: Any) -> SenderView:
        authorised_at = _authorised_at(tx, project, parsed, now)
        made = senders.create(tx, project, str(parsed), parsed.normalised, name, authorised_at, now)
        return _views(tx, project, [made])[0]

    try:
        return office.write(work)
    except TakenError as error:
        raise ConflictError(str(error)) from error


def _check_words(parsed: Address, name: str) -> None:
    if is_free_mail(parsed.ascii_domain):
        raise InvalidError(
            f"sender {parsed}: {parsed.ascii_domain} is a free mail provider, whose policy has mail from other "
            "servers blocked. Use an address of your own domain, or connect the provider's account."
        )
    domain_name(parsed.domain)
    if len(name) > _NAME_LIMIT:
        raise InvalidError(f"display_name: at most {_NAME_LIMIT} characters")
    try:
        display(name, parsed)
    except ValueError as error:
        raise InvalidError(str(error)) from error


def _authorised_at(tx: Any, project: int, parsed: Address, now: datetime) -> datetime | None:
    """None: listed, and sends nothing until the address is proved. Raises ConflictError for another's domain."""
    domain = domains.find(tx, parsed.ascii_domain)
    if domain is not None and domain.project != project:
        raise ConflictError(f"sender {parsed}: the domain {parsed.ascii_domain} belongs to another project")
    mailbox = mailboxes.by_address(tx, parsed.normalised)
    here = domain is not None and domain.owned and mailbox is not None and mailbox.project_id == project
    return now if here else None


def by_address(office: Office, project: int, address: str) -> SenderView:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = senders.find(connection, project, address_of(address).normalised)
        if found is None:
            raise NotFoundError(f"this project has no sender {address[:80]!r}")
        return _views(connection, project, [found])[0]


def get(office: Office, project: int, sender: int) -> SenderView:
    """Raises NotFoundError."""
    with office.read() as connection:
        found = senders.get(connection, project, sender)
        if found is None:
            raise NotFoundError(f"this project has no sender {sender}")
        return _views(connection, project, [found])[0]


def page(office: Office, project: int, window: Window) -> Page[SenderView]:
    with office.read() as connection:
        views = _views(connection, project, senders.page(connection, project, window.after, window.limit + 1))
    return page_of(views, window, lambda view: view, lambda view: view.id)


def _views(connection: Any, project: int, rows: Sequence[senders.Sender]) -> list[SenderView]:
    facts = sender_standing.gather_all(connection, project, rows)
    return [
        SenderView(row.id, row.address, row.display_name, row.authorised, reasons_of(obstacles(standing)))
        for row, standing in zip(rows, facts, strict=True)
    ]
