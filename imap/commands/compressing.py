"""COMPRESS (RFC 4978), where `[imap] compress` offers it. What the client sent behind it before our OK is dropped."""

from __future__ import annotations

from typing import Final

from imap.answer import MalformedError, RefusedError, Running, Then, done
from imap.session import SIGNED_IN, Command, Session, Table
from imap.wire_cursor import Cursor


def _read(cursor: Cursor) -> None:
    cursor.space()
    if cursor.keyword() != b"DEFLATE":
        raise MalformedError("DEFLATE is the only mechanism")


def _compress(session: Session, _: None) -> Running:
    if session.compressed:
        raise RefusedError("it is on already", b"COMPRESSIONACTIVE")
    if not session.backing.offers_compression:
        raise RefusedError("that is not offered here", b"CANNOT")
    session.compressed = True
    yield b""
    return done("COMPRESS", then=Then.COMPRESS)


COMMANDS: Final[Table] = {b"COMPRESS": Command(SIGNED_IN, _read, _compress)}
