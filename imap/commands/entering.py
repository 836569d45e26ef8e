"""STARTTLS, LOGIN, AUTHENTICATE PLAIN and LOGIN, with or without initial response (RFC 3501 §6.2, RFC 4616, RFC 4959).

Before TLS nobody signs in, unless `[imap] plaintext_login` on a loopback address says so.
"""

from __future__ import annotations

import time
from binascii import Error as BadBase64
from binascii import a2b_base64
from collections.abc import Callable, Generator
from typing import Any, Final

from imap.answer import Answer, Ask, Condition, MalformedError, Pause, RefusedError, Running, Step, Then, Wait, done
from imap.commands.anytime import nothing
from imap.session import BEFORE, Command, Session, Table
from imap.wire_cursor import Cursor
from store import folders

_FAILED: Final = 1.0  # seconds after which a failed sign-in is answered, however long its check took
Mechanism = Callable[[bytes | None], Generator[Step, Any, tuple[str, str]]]


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
        raise RefusedError("no such mechanism: PLAIN and LOGIN are there", b"CANNOT")
    if cursor.ended():
        return _MECHANISMS[name], None
    cursor.space()
    return _MECHANISMS[name], _decoded(cursor.base64().removeprefix(b"="))


def _authenticate(session: Session, asked: tuple[Mechanism, bytes | None]) -> Running:
    _protected(session)
    mechanism, initial = asked
    login, password = yield from mechanism(initial)
    return (yield from _enter(session, login, password))


def _plain(initial: bytes | None) -> Generator[Step, Any, tuple[str, str]]:
    message = initial if initial is not None else _decoded((yield Ask(b"+ \r\n")))
    pieces = message.split(b"\0")
    if len(pieces) != 3:
        raise MalformedError("PLAIN wants two NULs (RFC 4616)")
    on_behalf, login, password = map(_words, pieces)
    if on_behalf and on_behalf != login:
        raise RefusedError("nobody may act for another", b"AUTHORIZATIONFAILED")
    return login, password


def _login_mechanism(initial: bytes | None) -> Generator[Step, Any, tuple[str, str]]:
    login = initial if initial is not None else _decoded((yield Ask(b"+ VXNlcm5hbWU6\r\n")))
    password = _decoded((yield Ask(b"+ UGFzc3dvcmQ6\r\n")))
    return _words(login), _words(password)


def _enter(session: Session, login: str, password: str) -> Running:
    began = time.monotonic()
    account = yield Wait(session.backing.sign_in.check(login, password, session.peer))
    if account is None:
        yield Pause(max(0.0, began + _FAILED - time.monotonic()))
        raise RefusedError("wrong address or password", b"AUTHENTICATIONFAILED")
    mail = session.backing.stores.mail
    with mail.database.read() as tx:
        is_new = folders.by_name(tx, account.id, folders.INBOX) is None
    if is_new:
        now = session.backing.now()
        yield Wait(mail.journal.submit(lambda tx: folders.ensure_folders(tx, account.id, now)))
    session.account = account
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


_MECHANISMS: Final[dict[bytes, Mechanism]] = {b"PLAIN": _plain, b"LOGIN": _login_mechanism}

COMMANDS: Final[Table] = {
    b"STARTTLS": Command(BEFORE, nothing, _start_tls),
    b"LOGIN": Command(BEFORE, _read_login, _login),
    b"AUTHENTICATE": Command(BEFORE, _read_authenticate, _authenticate),
}
