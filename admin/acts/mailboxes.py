"""Mailboxes on the project's own domains, with a password set or generated (PRODUCT M1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.address import Address, parse_mailbox
from store import domains, folders, mailboxes, redirects, removed_mailboxes
from store.secrets import generate_secret, hash_password

_SHORTEST: Final = 8
_LONGEST: Final = 256
_CAPABILITY: Final = re.compile(r"[A-Z0-9][A-Z0-9=+-]{0,59}")
_NEVER_HIDDEN: Final = ("IMAP4REV1",)


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """`password` as it was given or generated; it is shown here and never again."""

    address: str
    password: str


@dataclass(frozen=True, slots=True)
class MailboxView:
    id: int
    address: str
    quota_bytes: int | None
    created_at: datetime
    hidden_capabilities: list[str]
    adds_writers: bool
    adds_cards: bool


def create(office: Office, project: int, address: str, password: str | None, quota_bytes: int | None) -> NewMailbox:
    parsed = address_of(address)
    if quota_bytes is not None and quota_bytes < 1:
        raise InvalidError(f"quota_bytes {quota_bytes}: a positive number, or null for none")
    secret = password if password is not None else generate_secret()
    password_hash = _hash(office, secret, parsed.normalised, given=password is not None)
    with office.read() as connection:
        domain = domains.get(connection, project, parsed.ascii_domain)
    if domain is None or not domain.owned:
        raise ConflictError(
            f"mailbox {parsed}: {parsed.ascii_domain} is no domain that this project has proved to own; "
            "add it and publish its ownership record first"
        )
    home, now = domain.id, office.now()

    def work(tx: Any) -> int:
        if redirects.count(tx, parsed.normalised):
            raise ConflictError(f"mailbox {parsed}: an alias of this address leads elsewhere; remove it first")
        return mailboxes.create(tx, project, home, str(parsed), password_hash, quota_bytes, now)

    try:
        office.write(work)
    except mailboxes.AddressTakenError as error:
        raise ConflictError(str(error)) from error
    return NewMailbox(str(parsed), secret)


def remove(office: Office, project: int, address: str) -> None:
    """With all its mails, which the clock removes. Raises NotFoundError, ConflictError where an alias leads to it."""
    parsed, now = address_of(address), office.now()

    def work(tx: Any) -> bool:
        found = mailboxes.by_address(tx, parsed.normalised)
        if found is None or found.project_id != project:
            return False
        for alias in redirects.leading_to(tx, project, parsed.normalised):
            raise ConflictError(f"mailbox {parsed}: the alias {alias.address} leads to it; remove that first")
        return removed_mailboxes.remove(tx, project, found.id, now)

    if not office.write(work):
        raise NotFoundError(f"this project has no mailbox {parsed}")


def new_password(office: Office, project: int, address: str, password: str | None = None) -> NewMailbox:
    """The given or a generated one in place of the old. Raises NotFoundError and InvalidError."""
    parsed = address_of(address)
    secret = password if password is not None else generate_secret()
    password_hash = _hash(office, secret, parsed.normalised, given=password is not None)

    def work(tx: Any) -> bool:
        found = mailboxes.by_address(tx, parsed.normalised)
        return found is not None and mailboxes.set_password(tx, project, found.id, password_hash)

    if not office.write(work):
        raise NotFoundError(f"this project has no mailbox {parsed}")
    return NewMailbox(str(parsed), secret)


def change(office: Office, project: int, address: str, values: Mapping[str, Any]) -> MailboxView:
    """Quota (None: no limit) and switches, those that are named. Raises NotFoundError and InvalidError."""
    parsed, most = address_of(address), values.get("quota_bytes")
    if most is not None and most < 1:
        raise InvalidError(f"quota_bytes {most}: a positive number, or null for none")

    def work(tx: Any) -> mailboxes.Mailbox | None:
        found = mailboxes.by_address(tx, parsed.normalised)
        if found is None or not mailboxes.change(tx, project, found.id, values):
            return None
        return mailboxes.by_id(tx, found.id)

    changed = office.write(work)
    if changed is None:
        raise NotFoundError(f"this project has no mailbox {parsed}")
    return _view(changed)


def get(office: Office, project: int, address: str) -> MailboxView:
    """Raises NotFoundError, also for another project's."""
    parsed = address_of(address)
    with office.read() as connection:
        found = mailboxes.by_address(connection, parsed.normalised)
    if found is None or found.project_id != project:
        raise NotFoundError(f"this project has no mailbox {parsed}")
    return _view(found)


def hide_capabilities(office: Office, project: int, address: str, names: Sequence[str]) -> None:
    """Its IMAP sessions are not offered these from the next sign-in on; none: all again. Raises NotFoundError."""
    parsed = address_of(address)
    wanted = {name.upper() for name in names}
    if wrong := sorted(name for name in wanted if not _CAPABILITY.fullmatch(name) or name in _NEVER_HIDDEN):
        raise InvalidError(f"capability {wrong[0][:100]!r}: a name of the CAPABILITY answer, other than IMAP4rev1")

    def work(tx: Any) -> bool:
        found = mailboxes.by_address(tx, parsed.normalised)
        return found is not None and mailboxes.hide_capabilities(tx, project, found.id, wanted)

    if not office.write(work):
        raise NotFoundError(f"this project has no mailbox {parsed}")


def renew_uidvalidity(office: Office) -> int:
    """After a restore from a backup: every folder of every mailbox is read anew by its clients; how many folders."""
    return office.stores.mail.journal.run(partial(folders.renew_uidvalidity, now=office.now()))


def _hash(office: Office, secret: str, key: str, *, given: bool) -> str:
    if not given:
        return mailboxes.generated_hash(office.vault, secret, key)
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise InvalidError(f"password: {_SHORTEST} to {_LONGEST} characters, or null to have one made")
    if not secret.isprintable():
        raise InvalidError("password: printable characters only, mail programs cannot send others")
    return hash_password(secret)


def address_of(text: str) -> Address:
    """Raises InvalidError naming the mistake."""
    try:
        return parse_mailbox(text.strip())
    except ValueError as error:
        raise InvalidError(f"address {error}") from error


def page(office: Office, project: int, window: Window) -> Page[MailboxView]:
    with office.read() as connection:
        rows = mailboxes.list_of(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def _view(row: mailboxes.Mailbox) -> MailboxView:
    hidden = row.hidden_capabilities.split()
    return MailboxView(
        row.id, row.address, row.quota_bytes, row.created_at, hidden, row.adds_writers, row.adds_cards
    )  # fmt: skip
