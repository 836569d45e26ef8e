"""Whose mail a mailbox wants, and whose it does not: addresses and domains that it allows, denies or refuses (I4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from admin.acts.mailboxes import address_of
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from policy.correspondents import Standing, entry_of
from store import correspondents, mailboxes
from store.correspondents import Correspondent

MOST: Final = 5000  # of one mailbox


@dataclass(frozen=True, slots=True)
class CorrespondentView:
    """`entry`: an address, or a domain with all below it."""

    id: int
    entry: str
    standing: Standing


def put(office: Office, project: int, address: str, entry: str, standing: Standing) -> None:
    """Raises NotFoundError, InvalidError, ConflictError."""
    name = _entry(entry)

    def work(tx: Any) -> None:
        mailbox = _mailbox(tx, project, address)
        if correspondents.count(tx, mailbox) >= MOST:
            raise ConflictError(f"mailbox {address}: {MOST} entries already; take one away first")
        correspondents.put(tx, mailbox, name, standing, office.now())

    office.write(work)


def remove(office: Office, project: int, address: str, entry: str) -> None:
    """Raises NotFoundError where the mailbox or the entry is not there."""
    name = _entry(entry)
    if not office.write(lambda tx: correspondents.remove(tx, _mailbox(tx, project, address), name)):
        raise NotFoundError(f"mailbox {address} has no entry {name}")


def page(office: Office, project: int, address: str, window: Window) -> Page[CorrespondentView]:
    with office.read() as connection:
        mailbox = _mailbox(connection, project, address)
        rows = correspondents.page(connection, mailbox, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def _mailbox(tx: Any, project: int, address: str) -> int:
    parsed = address_of(address)
    found = mailboxes.by_address(tx, parsed.normalised)
    if found is None or found.project_id != project:
        raise NotFoundError(f"this project has no mailbox {parsed}")
    return found.id


def _entry(text: str) -> str:
    try:
        return entry_of(text)
    except ValueError as error:
        raise InvalidError(f"entry {error}; an address or a domain") from error


def _view(row: Correspondent) -> CorrespondentView:
    return CorrespondentView(row.id, row.entry, row.standing)
