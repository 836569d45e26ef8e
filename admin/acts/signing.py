"""Signing in to the panel: password, second factor, session; the second factor made and taken away (PRODUCT P4).

Argon2 takes 0.14 s and 64 MiB, so `sign_in` is called in a thread and at most CHECKS run at once. Raises
UnknownCallerError for what is wrong, without saying which part, and SlowDownError for who guesses.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any, Final

import pyotp
from prometheus_client import Counter

from admin.office import Office
from admin.refusals import ConflictError, InvalidError, SlowDownError, UnknownCallerError
from policy import guessing
from policy.guessing import Bucket
from store import audit, mailboxes, people, sessions
from store.people import Person
from store.secrets import generate_secret, hash_password
from store.sessions import Session

CHECKS: Final = BoundedSemaphore(2)
_REMEMBERED: Final = 20_000  # networks and logins with wrong sign-ins
_AGENT: Final = 200
_RECOVERY_CODES: Final = 10
_STEP: Final = 30  # seconds of one TOTP code (RFC 6238)
_SEEN_EVERY: Final = timedelta(minutes=5)
_SHORTEST, _LONGEST = 10, 256

SIGN_INS: Final = Counter("mailloft_panel_sign_ins_total", "Sign-ins to the panel by how they ended", ["outcome"])


@dataclass(frozen=True, slots=True)
class Guesses:
    """Who was wrong how often, in memory: a restart forgives."""

    buckets: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def check(self, address: str, login: str, known_browser: bool) -> None:
        """Raises SlowDownError."""
        now = time.monotonic()
        with self.lock:
            waits = [
                guessing.wait(self.buckets.get(key, Bucket()), allowance, now)
                for key, allowance in guessing.counted(address, login, known_browser)
            ]
        if max(waits) > 0:
            SIGN_INS.labels("slowed").inc()
            raise SlowDownError(int(max(waits)) + 1)

    def wrong(self, address: str, login: str, known_browser: bool) -> None:
        now = time.monotonic()
        with self.lock:
            for key, allowance in guessing.counted(address, login, known_browser):
                self.buckets[key] = guessing.wrong(self.buckets.get(key, Bucket()), allowance, now)
                self.buckets.move_to_end(key)
            while len(self.buckets) > _REMEMBERED:
                self.buckets.popitem(last=False)


@dataclass(frozen=True, slots=True)
class From:
    """Where a sign-in comes from; `known_browser`: this login has signed in there before."""

    address: str
    agent: str
    known_browser: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` goes into the cookie and nowhere else; not `confirmed`: ask for the second factor."""

    token: str
    confirmed: bool


def sign_in(office: Office, guesses: Guesses, login: str, password: str, side: From) -> SignedIn:
    """Raises UnknownCallerError, SlowDownError."""
    login = login.strip()[:_LONGEST]
    guesses.check(side.address, login, side.known_browser)
    with office.read() as connection:
        person = people.find(connection, login)
    with CHECKS:
        # Checked for an unknown login too, so that the time tells nothing.
        right = mailboxes.verify(
            office.vault, person.password_hash if person else mailboxes.NOBODY, password[:_LONGEST]
        )
    if person is None or not right:
        guesses.wrong(side.address, login, side.known_browser)
        SIGN_INS.labels("wrong").inc()
        raise UnknownCallerError("login or password is wrong")
    return _begin(office, person, side, confirmed=person.totp is None)


def _begin(office: Office, person: Person, side: From, *, confirmed: bool) -> SignedIn:
    token, now = generate_secret(), office.now()
    token_hash = office.vault.hash_generated(token)

    def work(tx: Any) -> None:
        sessions.forget_ended(tx, now)
        sessions.begin(tx, person.id, token_hash, confirmed, side.agent[:_AGENT], now)
        if confirmed:
            audit.note(tx, person.project, person.login, "sign_in", "", side.address, now)

    office.write(work)
    SIGN_INS.labels("right" if confirmed else "half").inc()
    return SignedIn(token, confirmed)


def confirm(office: Office, guesses: Guesses, session: Session, person: Person, code: str, side: From) -> SignedIn:
    """The second factor: a code of the app, or a recovery code. The session is exchanged for a whole one."""
    guesses.check(side.address, f"{person.login} code", side.known_browser)
    if not _code_is_right(office, person, code):
        guesses.wrong(side.address, f"{person.login} code", side.known_browser)
        SIGN_INS.labels("wrong code").inc()
        raise UnknownCallerError("the code is wrong or was used already; wait for the next one")
    office.write(lambda tx: sessions.end(tx, session.id))
    return _begin(office, person, side, confirmed=True)


def _code_is_right(office: Office, person: Person, code: str) -> bool:
    given = "".join(code.split()).lower()
    if person.totp is None:
        return True
    if len(given) == 6 and given.isascii() and given.isdigit():
        secret = office.vault.unseal(person.totp, people.place(person.id)).decode()
        step = _matching_step(secret, given, office.now())
        return step is not None and office.write(lambda tx: people.use_step(tx, person.id, step))
    code_hash = office.vault.hash_generated(f"recovery {given}")
    return office.write(lambda tx: people.use_recovery_code(tx, person.id, code_hash))


def _matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Of the step now, the one before and the one after: clocks differ."""
    step = int(now.timestamp()) // _STEP
    totp = pyotp.TOTP(secret)
    matching = [one for one in (step, step - 1, step + 1) if hmac.compare_digest(totp.at(one * _STEP), code)]
    return matching[0] if matching else None


def find(office: Office, token: str) -> tuple[Session, Person] | None:
    """Whose cookie it is, where the session has not ended; one that is used lives on."""
    now = office.now()
    with office.read() as connection:
        session = sessions.find(connection, office.vault.hash_generated(token), now)
        person = people.get(connection, session.person) if session else None
    if session is None or person is None:
        return None
    if session.confirmed and now - session.seen_at > _SEEN_EVERY:
        office.write(lambda tx: sessions.seen(tx, session, now))
    return session, person


def sign_out(office: Office, session: Session) -> None:
    office.write(lambda tx: sessions.end(tx, session.id))


def of_person(office: Office, person: Person) -> list[Session]:
    with office.read() as connection:
        return sessions.of_person(connection, person.id, office.now())


def end_one(office: Office, person: Person, session: int) -> None:
    """Raises ConflictError where the person has no such session."""
    if not office.write(lambda tx: sessions.end_one_of(tx, person.id, session)):
        raise ConflictError("this session has ended already")


def totp_uri(person: Person, secret: str, hostname: str) -> str:
    """What the QR code holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=person.login, issuer_name=f"Mailloft {hostname}")


def new_totp_secret() -> str:
    return pyotp.random_base32()


def enrol(office: Office, session: Session, person: Person, secret: str, code: str) -> list[str]:
    """Keep the secret once its app has shown that it counts right; the recovery codes, shown here and never again."""
    if person.totp is not None:
        raise ConflictError("a second factor is set already; take it away first")
    step = _matching_step(secret, "".join(code.split()), office.now())
    if step is None:
        raise InvalidError("code: it does not fit; check the clock of the device, then enter the code it shows now")
    codes = [generate_secret()[:10] for _ in range(_RECOVERY_CODES)]
    hashes = {office.vault.hash_generated(f"recovery {one}") for one in codes}
    sealed = office.vault.seal(secret.encode(), people.place(person.id))

    def work(tx: Any) -> None:
        people.set_totp(tx, person.id, sealed, step, hashes)
        sessions.end_others(tx, person.id, session.id)

    office.write(work)
    return codes


def drop_totp(office: Office, person: Person, password: str) -> None:
    """Raises UnknownCallerError for a wrong password."""
    check_password(office, person, password)
    office.write(lambda tx: people.set_totp(tx, person.id, None, 0, ()))


def check_password(office: Office, person: Person, password: str) -> None:
    with CHECKS:
        right = mailboxes.verify(office.vault, person.password_hash, password[:_LONGEST])
    if not right:
        raise InvalidError("password: this is not your password")


def change_password(office: Office, session: Session, person: Person, old: str, new: str) -> None:
    """All other sessions of the person end. Raises InvalidError."""
    check_password(office, person, old)
    if not _SHORTEST <= len(new) <= _LONGEST:
        raise InvalidError(f"new_password: {_SHORTEST} to {_LONGEST} characters")
    with CHECKS:
        password_hash = hash_password(new)

    def work(tx: Any) -> None:
        people.set_password(tx, person.id, password_hash)
        sessions.end_others(tx, person.id, session.id)

    office.write(work)
