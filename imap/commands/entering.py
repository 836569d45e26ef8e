"""STARTTLS, LOGIN, AUTHENTICATE with or without initial response (RFC 3501 §6.2, RFC 4616, RFC 4959, RFC 5802).

Before TLS nobody signs in, unless `[imap] plaintext_login` on a loopback address says so.
"""

from __future__ import annotations

import secrets
import time
from binascii import Error as BadBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Final

from imap.answer import (
    Answer,
    Ask,
    Channel,
    Condition,
    MalformedError,
    Pause,
    RefusedError,
    Running,
    Step,
    Then,
    Wait,
    done,
)
from imap.commands.anytime import nothing
from imap.login import SIGN_INS
from imap.session import BEFORE, Command, Session, Table
from imap.wire_cursor import Cursor
from mail import scram
from mail.scram import ScramError
from store import folders
from store.mailboxes import Mailbox

_NONCE: Final = 18  # octets
_FAILED: Final = 1.0  # seconds after which a failed sign-in is answered, however long its check took
Mechanism = Callable[[Session, bytes | None], Running]


def _start_tls(session: Session, _: None) -> Running:
    if session.secure:
        raise MalformedError("TLS is on already")
    if not session.backing.offers_tls:
        raise RefusedError("there is no certificate here")
    yield b""
    return Answer(Condition.OK, b"begin TLS now", then=Then.START_TLS)


def _read_login(cursor: Cursor) -> tuple[str, str]:
    cursor.space()
    login = cursor.astring()
    cursor.space()
    return _words(login), _words(cursor.astring())


def _login(session: Session, credentials: tuple[str, str]) -> Running:
    _protected(session)
    return (yield from _enter(session, *credentials))


def _read_authenticate(cursor: Cursor) -> tuple[Mechanism, bytes | None]:
    cursor.space()
    name = cursor.keyword()
    if name not in _MECHANISMS:
        raise RefusedError("no such mechanism: " + b", ".join(sorted(_MECHANISMS)).decode(), b"CANNOT")
    if cursor.ended():
        return _MECHANISMS[name], None
    cursor.space()
    return _MECHANISMS[name], _decoded(cursor.base64().removeprefix(b"="))


def _authenticate(session: Session, asked: tuple[Mechanism, bytes | None]) -> Running:
    _protected(session)
    mechanism, initial = asked
    return (yield from mechanism(session, initial))


def _asked(initial: bytes | None, prompt: bytes = b"+ \r\n") -> Generator[Step, Any, bytes]:
    return initial if initial is not None else _decoded((yield Ask(prompt)))


def _plain(session: Session, initial: bytes | None) -> Running:
    message = yield from _asked(initial)
    pieces = message.split(b"\0")
    if len(pieces) != 3:
        raise MalformedError("PLAIN wants two NULs (RFC 4616)")
    on_behalf, login, password = map(_words, pieces)
    _for_oneself(on_behalf, login)
    return (yield from _enter(session, login, password))


def _login_mechanism(session: Session, initial: bytes | None) -> Running:
    login = yield from _asked(initial, b"+ VXNlcm5hbWU6\r\n")
    password = yield from _asked(None, b"+ UGFzc3dvcmQ6\r\n")
    return (yield from _enter(session, _words(login), _words(password)))


def _scram(session: Session, initial: bytes | None, plus: bool) -> Running:
    """What is wrong of the proof and what is wrong of the address look alike and take the same time."""
    began = time.monotonic()
    try:
        first = scram.first((yield from _asked(initial)), plus)
        _for_oneself(first.on_behalf, first.login)
        bound = b"" if first.binding is None else (yield Channel(first.binding))
        if bound is None:
            raise ScramError(f"no channel binding {first.binding} here")
        challenge = session.backing.sign_in.challenge(first.login)
        ours = scram.challenge(first, secrets.token_urlsafe(_NONCE).encode(), challenge.salt)
        proof = scram.final(_decoded((yield Ask(_encoded(ours)))), first, ours, bound)
    except ScramError as error:
        raise RefusedError(str(error), b"AUTHENTICATIONFAILED") from error
    keys = session.backing.sign_in.proven(challenge, proof, session.peer)
    if keys is None or challenge.account is None:
        return (yield from _refused(began))
    yield Ask(_encoded(proof.answer(keys)))  # the client answers with nothing
    return (yield from _entered(session, challenge.account))


def _encoded(message: bytes) -> bytes:
    return b"+ " + b2a_base64(message, newline=False) + b"\r\n"


def _for_oneself(on_behalf: str, login: str) -> None:
    if on_behalf and on_behalf != login:
        raise RefusedError("nobody may act for another", b"AUTHORIZATIONFAILED")


def _enter(session: Session, login: str, password: str) -> Running:
    began = time.monotonic()
    account = yield Wait(session.backing.sign_in.check(login, password, session.peer))
    if account is None:
        return (yield from _refused(began))
    return (yield from _entered(session, account))


def _refused(began: float) -> Running:
    SIGN_INS.labels("wrong").inc()
    yield Pause(max(0.0, began + _FAILED - time.monotonic()))
    raise RefusedError("wrong address or password", b"AUTHENTICATIONFAILED")


def _entered(session: Session, account: Mailbox) -> Running:
    mail = session.backing.stores.mail
    with mail.database.read() as tx:
        is_new = folders.by_name(tx, account.id, folders.INBOX) is None
    if is_new:
        now = session.backing.now()
        yield Wait(mail.journal.submit(lambda tx: folders.ensure_folders(tx, account.id, now)))
    session.account = account
    SIGN_INS.labels("right").inc()
    return done("LOGIN", b"CAPABILITY " + session.capabilities)


def _protected(session: Session) -> None:
    if not session.may_sign_in:
        raise RefusedError("not without TLS: send STARTTLS first, or use port 993", b"PRIVACYREQUIRED")


def _decoded(line: bytes) -> bytes:
    if line == b"*":
        raise MalformedError("cancelled")
    try:
        return a2b_base64(line, strict_mode=True) if line else b""
    except BadBase64 as error:
        raise MalformedError("that is no base64") from error


def _words(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("names and passwords are UTF-8") from error


_MECHANISMS: Final[dict[bytes, Mechanism]] = {
    b"PLAIN": _plain,
    b"LOGIN": _login_mechanism,
    b"SCRAM-SHA-256": partial(_scram, plus=False),
    b"SCRAM-SHA-256-PLUS": partial(_scram, plus=True),
}

COMMANDS: Final[Table] = {
    b"STARTTLS": Command(BEFORE, nothing, _start_tls),
    b"LOGIN": Command(BEFORE, _read_login, _login),
    b"AUTHENTICATE": Command(BEFORE, _read_authenticate, _authenticate),
}
