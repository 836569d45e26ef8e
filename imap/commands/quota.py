"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208, RFC 2087): one root, "", for all folders of an account.

STORAGE alone is limited, in units of 1024 octets. Limits are set through the
API and the command line, never here.
"""

from __future__ import annotations

from typing import Final

from imap.answer import RefusedError, Running, done
from imap.commands.folders import name
from imap.session import SIGNED_IN, Command, Session, Table
from imap.wire_cursor import Cursor
from store import quota

_UNIT: Final = 1024


def _read_root(cursor: Cursor) -> bytes:
    cursor.space()
    return cursor.astring()


def _get_quota(session: Session, root: bytes) -> Running:
    if root:
        raise RefusedError('the one quota root is ""', b"NONEXISTENT")
    yield _line(session)
    return done("GETQUOTA")


def _get_quota_root(session: Session, wanted: str) -> Running:
    session.folder(wanted)
    yield b"* QUOTAROOT " + session.mailbox_word(wanted) + b' ""\r\n'
    yield _line(session)
    return done("GETQUOTAROOT")


def _line(session: Session) -> bytes:
    """A resource without a limit is not listed (RFC 9208 §4.2.1)."""
    stores = session.backing.stores
    with stores.core.database.read() as tx:
        limit = quota.limit(tx, session.mailbox_id)
    if limit is None:
        return b'* QUOTA "" ()\r\n'
    with stores.mail.database.read() as tx:
        octets = quota.usage(tx, session.mailbox_id).octets
    return b'* QUOTA "" (STORAGE %d %d)\r\n' % (-(-octets // _UNIT), limit // _UNIT)


def _read_set_quota(cursor: Cursor) -> None:
    _read_root(cursor)
    cursor.space()

    def resource() -> None:
        cursor.keyword()
        cursor.space()
        cursor.large_number()

    cursor.listed(resource)


def _set_quota(_session: Session, _: None) -> Running:
    yield b""
    raise RefusedError("the operator sets quotas", b"NOPERM")


COMMANDS: Final[Table] = {
    b"GETQUOTA": Command(SIGNED_IN, _read_root, _get_quota),
    b"GETQUOTAROOT": Command(SIGNED_IN, name, _get_quota_root),
    b"SETQUOTA": Command(SIGNED_IN, _read_set_quota, _set_quota),
}
