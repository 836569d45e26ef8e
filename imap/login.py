"""Who signs in: passwords are checked in two threads of their own, guesses are counted, successes remembered.

A check of a person's password costs 0.14 s and 64 MiB, so at most two run at once and WAITING wait. A success is
remembered for REMEMBERED seconds under a key of this process, with the account's present password hash in it, so a
new password ends it. Guessing is limited by distinct wrong secrets from one network: the same wrong password of a
client that repeats it counts once, and nobody locks the owner out from elsewhere. An unknown address and a wrong
password cost the same.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from typing import Final

from imap.answer import RefusedError
from store import mailboxes
from store.mailboxes import Mailbox
from store.secrets import Vault
from store.stores import Stores

WAITING: Final = 50
REMEMBERED: Final = 600.0
WINDOW: Final = 600.0
GUESSES_OF_ACCOUNT: Final = 10  # distinct secrets for one address from one network in WINDOW
GUESSES_OF_PEER: Final = 100  # for all addresses together
KEPT: Final = 10_000  # entries of each memory; the oldest go first


class SignIn:
    """One per process. `clock` is monotonic seconds."""

    def __init__(self, stores: Stores, vault: Vault, clock: Callable[[], float]) -> None:
        self._stores = stores
        self._vault = vault
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign-in")
        self._waiting = threading.BoundedSemaphore(WAITING)
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._guesses: OrderedDict[str, dict[bytes, float]] = OrderedDict()

    def check(self, login: str, password: str, peer: str) -> Future[Mailbox | None]:
        """The account, or None. RefusedError after too many guesses, or while too many wait. It reads the database."""
        account = self._account(login)
        secret = self._digest(login, account.password_hash if account else "", password)
        if account is not None and self._remembered(secret):
            return _done(account)
        network = network_of(peer)
        scopes = ((f"{network} {login.lower()[:320]}", GUESSES_OF_ACCOUNT), (network, GUESSES_OF_PEER))
        if any(self._guessed(scope, secret) >= most for scope, most in scopes):
            raise RefusedError("too many wrong passwords from your address, try again in ten minutes", b"LIMIT")
        if not self._waiting.acquire(blocking=False):
            raise RefusedError("too many sign-ins at once, try again", b"UNAVAILABLE")
        return self._pool.submit(self._verify, account, password, secret, [scope for scope, _ in scopes])

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _account(self, login: str) -> Mailbox | None:
        key = mailboxes.address_key(login)
        if key is None:
            return None
        with self._stores.core.database.read() as tx:
            return mailboxes.by_address(tx, key)

    def _verify(self, account: Mailbox | None, password: str, secret: bytes, scopes: list[str]) -> Mailbox | None:
        try:
            kept = mailboxes.NOBODY if account is None else account.password_hash
            if mailboxes.verify(self._vault, kept, password):
                self._remember(secret)
                return account
            self._count(secret, scopes)
            return None
        finally:
            self._waiting.release()

    def _digest(self, *words: str) -> bytes:
        spelled = "\0".join(words).encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, spelled, hashlib.sha256)

    def _remembered(self, secret: bytes) -> bool:
        with self._lock:
            return self._good.get(secret, 0.0) > self._clock()

    def _remember(self, secret: bytes) -> None:
        with self._lock:
            self._good[secret] = self._clock() + REMEMBERED
            if len(self._good) > KEPT:
                self._good.popitem(last=False)

    def _guessed(self, scope: str, secret: bytes) -> int:
        """How many other secrets were wrong there of late."""
        now = self._clock()
        with self._lock:
            until = self._guesses.get(scope, {})
            return sum(end > now for guess, end in until.items() if guess != secret)

    def _count(self, secret: bytes, scopes: list[str]) -> None:
        now = self._clock()
        with self._lock:
            for scope in scopes:
                kept = {guess: end for guess, end in self._guesses.pop(scope, {}).items() if end > now}
                self._guesses[scope] = kept | {secret: now + WINDOW}
            while len(self._guesses) > KEPT:
                self._guesses.popitem(last=False)


def network_of(peer: str) -> str:
    """What one attacker has for free: an IPv4 address, or 64 bits of an IPv6 one."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))


def _done(account: Mailbox) -> Future[Mailbox | None]:
    future: Future[Mailbox | None] = Future()
    future.set_result(account)
    return future
