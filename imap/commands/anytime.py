"""CAPABILITY, NOOP, LOGOUT (RFC 3501 §6.1), ID (RFC 2971), ENABLE (RFC 5161), and what we say we can do."""

from __future__ import annotations

from typing import Final

from imap import wire_text
from imap.answer import MalformedError, Running, Then, done
from imap.session import ANY, SIGNED_IN, Command, Session, Table
from imap.wire_cursor import Cursor

_ALWAYS: Final = (b"IMAP4rev1", b"LITERAL+", b"ID", b"ENABLE", b"SASL-IR")
_SIGNED_IN: Final = (
    *(b"NAMESPACE", b"CHILDREN", b"SPECIAL-USE", b"CREATE-SPECIAL-USE", b"LIST-EXTENDED", b"LIST-STATUS"),
    *(b"ESEARCH", b"SEARCHRES", b"SORT", b"SORT=DISPLAY", b"ESORT", b"THREAD=ORDEREDSUBJECT", b"THREAD=REFERENCES"),
    *(b"UNSELECT", b"UIDPLUS", b"MOVE", b"IDLE", b"WITHIN", b"STATUS=SIZE", b"APPENDLIMIT=%d"),
)
_ID_PAIRS: Final = 30  # RFC 2971 §3.3


def capabilities(session: Session) -> bytes:
    """What holds for this session now; the list grows with the sign-in (RFC 3501 §6.2.3)."""
    names = list(_ALWAYS)
    if session.account is not None:
        names += [name % session.backing.message_bytes if b"%d" in name else name for name in _SIGNED_IN]
        return b" ".join(names)
    if session.backing.offers_tls and not session.secure:
        names.append(b"STARTTLS")
    names += (b"AUTH=PLAIN", b"AUTH=LOGIN") if session.may_sign_in else (b"LOGINDISABLED",)
    return b" ".join(names)


def nothing(_: Cursor) -> None:
    """The arguments of a command that has none."""


def _capability(session: Session, _: None) -> Running:
    yield b"* CAPABILITY " + capabilities(session) + b"\r\n"
    return done("CAPABILITY")


def _noop(_session: Session, _: None) -> Running:
    yield b""
    return done("NOOP")


def _logout(session: Session, _: None) -> Running:
    session.view = None
    yield b"* BYE good-bye\r\n"
    return done("LOGOUT", then=Then.CLOSE)


def _read_id(cursor: Cursor) -> None:
    """Checked against its grammar and forgotten."""
    cursor.space()
    if cursor.peek() != b"(":
        if cursor.nstring() is not None:
            raise MalformedError("ID wants a list or NIL")
        return
    words = cursor.listed(cursor.nstring)
    if len(words) % 2 or len(words) > 2 * _ID_PAIRS:
        raise MalformedError(f"ID wants up to {_ID_PAIRS} pairs of name and value")


def _id(_session: Session, _: None) -> Running:
    yield b"* ID (" + wire_text.string(b"name") + b" " + wire_text.string(b"Mailloft") + b")\r\n"
    return done("ID")


def _read_enable(cursor: Cursor) -> None:
    """Nothing that we offer wants to be enabled, so the names are read and forgotten."""
    cursor.space()
    cursor.atom()
    while not cursor.ended():
        cursor.space()
        cursor.atom()


def _enable(_session: Session, _: None) -> Running:
    yield b"* ENABLED\r\n"
    return done("ENABLE")


COMMANDS: Final[Table] = {
    b"CAPABILITY": Command(ANY, nothing, _capability),
    b"NOOP": Command(ANY, nothing, _noop),
    b"LOGOUT": Command(ANY, nothing, _logout),
    b"ID": Command(ANY, _read_id, _id),
    b"ENABLE": Command(SIGNED_IN, _read_enable, _enable),
}
