"""CAPABILITY, NOOP, LOGOUT (RFC 3501 §6.1), ID (RFC 2971), ENABLE (RFC 5161)."""

from __future__ import annotations

from typing import Final

from imap import wire_text
from imap.answer import MalformedError, Running, Then, done
from imap.extension import Extension
from imap.session import ANY, SIGNED_IN, Command, Session, Table
from imap.wire_cursor import Cursor

_ID_PAIRS: Final = 30  # RFC 2971 §3.3
_SPELLED: Final = {Extension.REV2: b"IMAP4rev2"}


def nothing(_: Cursor) -> None:
    """The arguments of a command that has none."""


def _capability(session: Session, _: None) -> Running:
    yield b"* CAPABILITY " + session.capabilities + b"\r\n"
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


def _read_enable(cursor: Cursor) -> list[bytes]:
    cursor.space()
    names = [cursor.atom().upper()]
    while not cursor.ended():
        cursor.space()
        names.append(cursor.atom().upper())
    return names


def _enable(session: Session, names: list[bytes]) -> Running:
    """Unknown names are passed over (RFC 5161 §3.1), so are those that the account is not offered."""
    known = {one.value: one for one in Extension if one.value not in session.hidden}
    wanted = [known[name] for name in dict.fromkeys(names) if name in known]
    session.enable(*wanted)
    yield b"* ENABLED" + b"".join(b" " + _SPELLED.get(one, one.value) for one in wanted) + b"\r\n"
    return done("ENABLE")


COMMANDS: Final[Table] = {
    b"CAPABILITY": Command(ANY, nothing, _capability),
    b"NOOP": Command(ANY, nothing, _noop, brief=True),
    b"LOGOUT": Command(ANY, nothing, _logout),
    b"ID": Command(ANY, _read_id, _id),
    b"ENABLE": Command(SIGNED_IN, _read_enable, _enable),
}
