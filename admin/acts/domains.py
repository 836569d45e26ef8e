"""Domains of a project: added with keys and the records to publish; the operator may set a state (PRODUCT D1-D5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from admin.acts import dkim_keys
from admin.acts.pages import Page, Window, page_of
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from policy.domain_records import DnsRecord, records
from store import dkim, domains
from store.dkim import DkimKey
from store.projects import TakenError
from store.secrets import generate_secret

_NAME: Final = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class DomainView:
    name: str
    owned: bool
    sending: bool
    linked: bool
    records: list[DnsRecord]


def create(office: Office, project: int, name: str) -> DomainView:
    name = domain_name(name)
    now, token = office.now(), generate_secret()
    made = dkim_keys.make(office, name, now, frozenset())
    try:
        domain = office.write(lambda tx: domains.create(tx, project, name, token, made, now))
    except TakenError as error:
        raise ConflictError(str(error)) from error
    return _view(office, domain, made)


def domain_name(text: str) -> str:
    """In lower case. Raises InvalidError; non-Latin names are refused with the reason (PRODUCT C2)."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii() or "xn--" in name:
        raise InvalidError(
            f"domain {text[:80]!r}: a non-Latin name; many providers refuse mail from such domains. Use a Latin one."
        )
    if not _NAME.fullmatch(name):
        raise InvalidError(f"domain {text[:80]!r} is no domain name such as example.org")
    return name


def get(office: Office, project: int, name: str) -> DomainView:
    """Raises NotFoundError, also for another project's."""
    with office.read() as connection:
        domain = domains.get(connection, project, name.lower())
        if domain is None:
            raise NotFoundError(f"this project has no domain {name[:80]!r}")
        return _view(office, domain, _keys(connection, domain.id))


def page(office: Office, project: int, window: Window) -> Page[DomainView]:
    with office.read() as connection:
        rows = domains.page(connection, project, window.after, window.limit + 1)
        return page_of(rows, window, lambda row: _view(office, row, _keys(connection, row.id)), lambda row: row.id)


def set_states(office: Office, project: int, name: str, states: Mapping[str, bool]) -> DomainView:
    """By the operator's hand; the caller has checked that it is the operator's."""
    with office.read() as connection:
        domain = domains.get(connection, project, name.lower())
    if domain is None:
        raise NotFoundError(f"this project has no domain {name[:80]!r}")
    identity = domain.id
    office.write(lambda tx: domains.set_states(tx, identity, states))
    return get(office, project, name)


def _keys(connection: Any, domain: int) -> list[DkimKey]:
    """Whose records are to be in DNS: also those of keys that sign not yet, or no more."""
    return [kept.key for kept in dkim.of_domain(connection, domain)]


def _view(office: Office, domain: domains.Domain, keys: list[DkimKey]) -> DomainView:
    published = records(
        domain.name,
        office.hostname,
        domain.ownership_token,
        [(key.selector, key.record) for key in keys],
        office.sending_addresses,
    )
    return DomainView(domain.name, domain.owned, domain.sending, domain.linked, published)
