"""The DKIM keys of a domain: made, published, switched to, retired, without a moment in which none signs (PRODUCT D4).

`rotate` makes new keys and gives their records; the clock (admin/key_rotation.py) or `activate` lets them sign.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from admin.office import Office
from admin.refusals import ConflictError, NotFoundError
from mail.dkim_sign import dns_record, generate_keys, pem
from store import dkim, domains
from store.dkim import DkimKey, KeptKey, KeyState


@dataclass(frozen=True, slots=True)
class KeyView:
    """`host` and `value` are the TXT record to publish, for a retired key to leave there until it is gone from here."""

    selector: str
    algorithm: str
    state: str
    since: datetime
    host: str
    value: str


def make(office: Office, domain: str, now: datetime, taken: Collection[str]) -> list[DkimKey]:
    """A new RSA and a new Ed25519 key under selectors that are not `taken`, sealed."""
    month = now.strftime("%Y%m")
    names = [f"{month}{f'-{number}' if number > 1 else ''}" for number in range(1, len(taken) + 2)]
    free = next(name for name in names if not {f"r{name}", f"e{name}"} & set(taken))
    return [
        DkimKey(
            key.selector,
            key.algorithm.value,
            office.vault.signing.seal(pem(key), dkim.place(domain, key.selector)),
            dns_record(key),
        )
        for key in generate_keys(f"r{free}", f"e{free}")
    ]


def page(office: Office, project: int, name: str) -> list[KeyView]:
    """Raises NotFoundError, also for another project's domain."""
    with office.read() as connection:
        domain = _domain(connection, project, name)
        return [_view(domain.name, kept) for kept in dkim.of_domain(connection, domain.id)]


def rotate(office: Office, project: int, name: str) -> list[KeyView]:
    """New keys, published: they sign once their records are seen in DNS. Raises ConflictError while others wait."""
    with office.read() as connection:
        domain = _domain(connection, project, name)
        kept = dkim.of_domain(connection, domain.id)
    now = office.now()
    # A tenth of a second of CPU, so not in the transaction.
    made = make(office, domain.name, now, [one.key.selector for one in kept])

    def publish(tx: Any) -> None:
        found = dkim.of_domain(tx, domain.id)
        if waiting := [one.key.selector for one in found if one.state is KeyState.PUBLISHED]:
            raise ConflictError(f"the keys {', '.join(waiting)} of {domain.name} wait to be seen in DNS; publish those")
        dkim.add(tx, domain.id, made, KeyState.PUBLISHED, now)

    office.write(publish)
    return page(office, project, name)


def activate(office: Office, project: int, name: str) -> list[KeyView]:
    """Let published keys sign now, by hand, whatever DNS says. Raises ConflictError where none waits."""
    with office.read() as connection:
        domain = _domain(connection, project, name)
    now = office.now()
    if not office.write(lambda tx: dkim.switch(tx, domain.id, now)):
        raise ConflictError(f"{domain.name} has no published keys that wait; make some by rotating first")
    return page(office, project, name)


def _domain(connection: Any, project: int, name: str) -> domains.Domain:
    domain = domains.get(connection, project, name.lower())
    if domain is None:
        raise NotFoundError(f"this project has no domain {name[:80]!r}")
    return domain


def _view(domain: str, kept: KeptKey) -> KeyView:
    key = kept.key
    return KeyView(
        key.selector,
        key.algorithm,
        kept.state.value,
        kept.changed_at,
        f"{key.selector}._domainkey.{domain}",
        key.record,
    )
