"""Aliases, catch-alls and forwarding of a project: an address of its domains and one target a row (PRODUCT M1).

An address with targets leads to these alone, so a mailbox that forwards and keeps a copy has itself among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from admin.acts.mailboxes import address_of
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.address import Address
from mail.srs import is_rewritten
from mail.verp import claims_signature
from policy.acceptance import REPORTS
from store import domains, mailboxes, redirects
from store.redirects import CATCH_ALL, Redirect, TargetTakenError

TARGETS: Final = 50  # of one address: a longer list wants to be a list


@dataclass(frozen=True, slots=True)
class AliasView:
    """`address` is `@domain` for what has no mailbox and no alias of its own."""

    id: int
    address: str
    target: str


def add(office: Office, project: int, address: str, target: str) -> AliasView:
    """Let mail for `address` go to `target`, beside the targets that it has. Raises ConflictError, InvalidError."""
    shown, key, domain = _address(address)
    leads_to = address_of(target)

    def work(tx: Any) -> Redirect:
        home = domains.get(tx, project, domain)
        if home is None or not home.owned:
            raise ConflictError(f"alias {shown}: {domain} is no domain that this project has proved to own")
        _check_target(tx, project, shown, leads_to)
        if redirects.count(tx, key) >= TARGETS:
            raise ConflictError(f"alias {shown}: it has {TARGETS} targets already; take one away first")
        return redirects.add(tx, project, home.id, shown, key, str(leads_to), leads_to.normalised, office.now())

    try:
        return _view(office.write(work))
    except TargetTakenError as error:
        raise ConflictError(str(error)) from error


def _address(text: str) -> tuple[str, str, str]:
    """As shown, as looked up, and its domain."""
    if text.strip().startswith(CATCH_ALL):
        domain = address_of(f"any{text.strip()}").ascii_domain
        return CATCH_ALL + domain, CATCH_ALL + domain, domain
    parsed = address_of(text)
    local = parsed.local.casefold()
    if local in REPORTS or claims_signature(local) or is_rewritten(local):
        raise InvalidError(f"alias {parsed}: the server reads this address itself; take another")
    return str(parsed), parsed.normalised, parsed.ascii_domain


def _check_target(tx: Any, project: int, address: str, target: Address) -> None:
    home = domains.get(tx, project, target.ascii_domain)
    if home is None or not home.linked:
        return
    mailbox = mailboxes.by_address(tx, target.normalised)
    if mailbox is None or mailbox.project_id != project:
        raise InvalidError(
            f"alias {address}: {target} is no mailbox of this project; an alias leads to mailboxes or to other hosts, "
            "not to another alias"
        )


def remove(office: Office, project: int, alias: int) -> None:
    """One target. Raises NotFoundError."""
    if not office.write(lambda tx: redirects.remove(tx, project, alias)):
        raise NotFoundError(f"this project has no alias {alias}")


def remove_address(office: Office, project: int, address: str) -> int:
    """All targets of an address; how many. Raises NotFoundError."""
    shown, key, _ = _address(address)

    def work(tx: Any) -> int:
        found = redirects.of_address(tx, project, key)
        return sum(redirects.remove(tx, project, one.id) for one in found)

    gone = int(office.write(work))
    if not gone:
        raise NotFoundError(f"this project has no alias {shown}")
    return gone


def page(office: Office, project: int, window: Window) -> Page[AliasView]:
    with office.read() as connection:
        rows = redirects.page(connection, project, window.after, window.limit + 1)
    return page_of(rows, window, _view, lambda row: row.id)


def _view(row: Redirect) -> AliasView:
    return AliasView(row.id, row.address, row.target)
