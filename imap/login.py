"""Who signs in: passwords are checked in two threads of their own, guesses are counted, successes remembered.

A check of a person's password costs 0.14 s and 64 MiB, so at most two run at once and WAITING wait. A success is
remembered for REMEMBERED seconds under a key of this process, with the account's present password hash in it, so a
new password ends it. Guessing is limited by distinct wrong secrets from one network: the same wrong password of a
client that repeats it counts once, and nobody locks the owner out from elsewhere. An unknown address and a wrong
password cost the same. Passwords that we made (a mailbox's own, app passwords) are compared by their hash at once, and
no number of guesses keeps them out: 160 bits are not guessed. They alone can be proved by SCRAM.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from typing import Final

from prometheus_client import Counter

from imap.answer import RefusedError
from mail.scram import Proof, ScramKeys
from role.share import share
from store import app_passwords, mailboxes
from store.mailboxes import Mailbox
from store.secrets import Vault
from store.stores import Stores

# outcome: right, wrong, slowed (after too many guesses), busy
SIGN_INS: Final = Counter("mailloft_imap_sign_ins_total", "Sign-ins to IMAP by how they ended", ["outcome"])
CHECKS: Final = 2  # at once, in all processes
WAITING: Final = 50
REMEMBERED: Final = 600.0
WINDOW: Final = 600.0
GUESSES_OF_ACCOUNT: Final = 10  # distinct secrets for one address from one network in WINDOW
GUESSES_OF_PEER: Final = 100  # for all addresses together
PROOFS: Final = (
    100  # wrong ones by SCRAM for one address from one network in WINDOW: each is another, whatever it proves
)
USED_EVERY: Final = 3600.0  # how often the use of an app password is written down
KEPT: Final = 10_000  # entries of each memory; the oldest go first


@dataclass(frozen=True, slots=True)
class Candidate:
    """A password that SCRAM may prove. `app`: the id of an app password."""

    keys: ScramKeys
    app: int | None


@dataclass(frozen=True, slots=True)
class Challenge:
    """Of an address that nobody has, the same but for `account` and `candidates`."""

    login: str
    account: Mailbox | None
    salt: bytes
    candidates: tuple[Candidate, ...]


class SignIn:
    """One per process, of `of` that share the ports and divide the guesses. `clock` is monotonic seconds."""

    def __init__(self, stores: Stores, vault: Vault, clock: Callable[[], float], of: int = 1) -> None:
        self._stores = stores
        self._vault = vault
        self._clock = clock
        self._guesses_of_account = share(GUESSES_OF_ACCOUNT, of)
        self._guesses_of_peer = share(GUESSES_OF_PEER, of)
        self._proofs = share(PROOFS, of)
        self._pool = ThreadPoolExecutor(max_workers=-(-CHECKS // of), thread_name_prefix="sign-in")
        self._waiting = threading.BoundedSemaphore(WAITING)
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._uses: OrderedDict[int, float] = OrderedDict()
        self._guesses: OrderedDict[str, dict[bytes, float]] = OrderedDict()

    def check(self, login: str, password: str, peer: str) -> Future[Mailbox | None]:
        """The account, or None. RefusedError after too many guesses, or while too many wait. It reads the database."""
        account, app = self._account(login, password)
        secret = self._digest(login, account.password_hash if account else "", password)
        if account is not None and (app is not None or self._is_right(account, password, secret)):
            self._note_use(app)
            return _done(account)
        network = network_of(peer)
        scopes = ((f"{network} {login.lower()[:320]}", self._guesses_of_account), (network, self._guesses_of_peer))
        if any(self._guessed(scope, secret) >= most for scope, most in scopes):
            SIGN_INS.labels("slowed").inc()
            raise RefusedError("too many wrong passwords from your address, try again in ten minutes", b"LIMIT")
        if not self._waiting.acquire(blocking=False):
            SIGN_INS.labels("busy").inc()
            raise RefusedError("too many sign-ins at once, try again", b"UNAVAILABLE")
        return self._pool.submit(self._verify, account, password, secret, [scope for scope, _ in scopes])

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def challenge(self, login: str) -> Challenge:
        """What to ask of a client that says it is `login`. It reads the database."""
        key = mailboxes.address_key(login)
        salt = self._vault.scram_salt(login if key is None else key)
        with self._stores.core.database.read() as tx:
            account = None if key is None else mailboxes.by_address(tx, key)
            apps = [] if account is None else app_passwords.of_mailbox(tx, account.id)
        own = mailboxes.scram_keys(account.password_hash) if account else None
        candidates = [Candidate(own, None)] if own is not None else []
        candidates += [Candidate(app.scram, app.id) for app in apps]
        return Challenge(login, account, salt, tuple(candidates))

    def proven(self, asked: Challenge, proof: Proof, peer: str) -> ScramKeys | None:
        """The keys of the password that was proved, or None. RefusedError after too many wrong proofs."""
        scope = f"{network_of(peer)} scram {asked.login.lower()[:320]}"
        if self._guessed(scope, b"") >= self._proofs:
            SIGN_INS.labels("slowed").inc()
            raise RefusedError("too many wrong passwords from your address, try again in ten minutes", b"LIMIT")
        for candidate in asked.candidates:
            if proof.proves(candidate.keys):
                self._note_use(candidate.app)
                return candidate.keys
        self._count(self._digest(proof.proof.hex()), [scope])
        return None

    def _account(self, login: str, password: str) -> tuple[Mailbox | None, int | None]:
        """With the id of the app password that this is."""
        key = mailboxes.address_key(login)
        if key is None:
            return None, None
        given = self._vault.hash_generated(password)
        with self._stores.core.database.read() as tx:
            account = mailboxes.by_address(tx, key)
            return account, None if account is None else app_passwords.matching(tx, account.id, given)

    def _is_right(self, account: Mailbox, password: str, secret: bytes) -> bool:
        """As far as that can be told at once."""
        return mailboxes.is_generated(self._vault, account.password_hash, password) or self._remembered(secret)

    def _note_use(self, app: int | None) -> None:
        if app is None:
            return
        with self._lock:
            is_new = self._uses.get(app, 0.0) <= self._clock()
            self._uses[app] = self._uses[app] if not is_new else self._clock() + USED_EVERY
            if len(self._uses) > KEPT:
                self._uses.popitem(last=False)
        if is_new:
            now = datetime.now(UTC)
            self._stores.mail.journal.submit(lambda tx: app_passwords.used(tx, app, now))

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
