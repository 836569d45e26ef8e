"""Signing in at the submission ports: a connection's login and secret, or a mailbox's own (PRODUCT S1, S2, M1).

Called by mta/submission/session; `Attempts` on the loop, `sign_in` in a thread. Failures are counted for the address
they come from, never for the login: who guesses from one address locks nobody out elsewhere. A wrong login and a wrong
secret cost the same: a keyed hash for a connection's, argon2id for whatever looks like an address.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from mail.address import Address, parse_mailbox
from store import app_passwords, connections, domains, mailboxes, submitters
from store.connections import Connection
from store.secrets import Vault
from store.sender_standing import domain_may_send
from store.settings import TrustedNetwork
from store.stores import Stores

FAILURES: Final = 10
WINDOW: Final = 300.0  # seconds after the last failure until an address may try again
_KEPT: Final = 50_000  # addresses remembered


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who is signed in; `sending` says whether its sender's domain may send (D5)."""

    connection: Connection
    sender: Address
    sending: bool


class Attempts:
    """Failed sign-ins by address."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[int, float]] = {}

    def too_many(self, peer: str, now: float) -> bool:
        count, last = self._failed.get(peer, (0, 0.0))
        if count and now - last > WINDOW:
            del self._failed[peer]
            return False
        return count >= FAILURES

    def fail(self, peer: str, now: float) -> None:
        count, _ = self._failed.pop(peer, (0, 0.0))
        self._failed[peer] = (count + 1, now)
        if len(self._failed) > _KEPT:
            del self._failed[next(iter(self._failed))]


def sign_in(stores: Stores, vault: Vault, login: str, secret: str) -> Submitter | None:
    """Who that is; None for a wrong login or secret, and for whom no connection is approved."""
    key = mailboxes.address_key(login)
    found = _by_secret(stores, vault, login, secret) if key is None else _by_password(stores, vault, key, secret)
    return submitter(stores, found) if found is not None and found.active else None


def is_slow(login: str) -> bool:
    """Whether checking this login takes argon2id's 0.14 s and 64 MiB."""
    return mailboxes.address_key(login) is not None


def _by_secret(stores: Stores, vault: Vault, login: str, secret: str) -> Connection | None:
    with stores.core.database.read() as core:
        found = connections.find(core, login)
    given = vault.hash_generated(secret)
    right = hmac.compare_digest(found.secret_hash if found else b"\0" * len(given), given)
    return found if right else None


def _by_password(stores: Stores, vault: Vault, key: str, password: str) -> Connection | None:
    with stores.core.database.read() as core:
        mailbox = mailboxes.by_address(core, key)
        given = vault.hash_generated(password)
        app = None if mailbox is None else app_passwords.matching(core, mailbox.id, given)
    kept = mailbox.password_hash if mailbox else mailboxes.NOBODY
    right = app is not None or mailboxes.verify(vault, kept, password)
    if mailbox is None or not right:
        return None
    with stores.core.database.read() as core:
        return submitters.of_mailbox(core, mailbox)


def trusted(stores: Stores, networks: tuple[TrustedNetwork, ...], peer: str) -> Submitter | None:
    """Whom the settings let in from this address without signing in (loopback only, checked at the start)."""
    for one in networks:
        if ip_network(peer).subnet_of(ip_network(one.network, strict=False)):  # type: ignore[arg-type]  # v4 or v6, both the same
            with stores.core.database.read() as core:
                found = connections.find_named(core, one.connection) or connections.find(core, one.connection)
            return submitter(stores, found) if found is not None and found.active else None
    return None


def submitter(stores: Stores, connection: Connection) -> Submitter:
    sender = parse_mailbox(connection.sender_address)
    with stores.core.database.read() as core:
        return Submitter(connection, sender, domain_may_send(core, connection.project, sender.ascii_domain))


def belongs(stores: Stores, project: int, domain: str) -> bool:
    """Whether the project has this domain."""
    with stores.core.database.read() as core:
        return domains.get(core, project, domain) is not None
