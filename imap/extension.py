"""What a client can switch on (RFC 5161), and what we say we can do (RFC 3501 §6.1.1)."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Final


class Extension(Enum):
    """What changes what a session hears; by its name in ENABLE."""

    CONDSTORE = b"CONDSTORE"
    QRESYNC = b"QRESYNC"
    UTF8 = b"UTF8=ACCEPT"
    REV2 = b"IMAP4REV2"


IMPLIED: Final = {Extension.QRESYNC: Extension.CONDSTORE}  # RFC 7162 §3.2.3
_ALWAYS: Final = (b"IMAP4rev1", b"IMAP4rev2", b"LITERAL+", b"ID", b"ENABLE", b"SASL-IR")
_SIGNED_IN: Final = (
    b"APPENDLIMIT=%d",
    b"BINARY",
    b"CHILDREN",
    b"CONDSTORE",
    b"CREATE-SPECIAL-USE",
    b"ESEARCH",
    b"ESORT",
    b"IDLE",
    b"LIST-EXTENDED",
    b"LIST-STATUS",
    b"MOVE",
    b"MULTIAPPEND",
    b"NAMESPACE",
    b"NOTIFY",
    b"OBJECTID",
    b"PREVIEW",
    b"QRESYNC",
    b"QUOTA",
    b"QUOTA=RES-STORAGE",
    b"REPLACE",
    b"SAVEDATE",
    b"SEARCHRES",
    b"SORT",
    b"SORT=DISPLAY",
    b"SPECIAL-USE",
    b"STATUS=SIZE",
    b"THREAD=ORDEREDSUBJECT",
    b"THREAD=REFERENCES",
    b"UIDPLUS",
    b"UNSELECT",
    b"UTF8=ACCEPT",
    b"WITHIN",
)


def before_sign_in(offers_tls: bool, may_sign_in: bool, secure: bool) -> bytes:
    """`secure`: there is a channel that SCRAM can bind to."""
    names = [*_ALWAYS, *([b"STARTTLS"] if offers_tls else [])]
    names += (b"AUTH=PLAIN", b"AUTH=LOGIN", b"AUTH=SCRAM-SHA-256") if may_sign_in else (b"LOGINDISABLED",)
    if secure:
        names.append(b"AUTH=SCRAM-SHA-256-PLUS")
    return b" ".join(names)


def signed_in(message_bytes: int, offers_compression: bool, hidden: Collection[bytes]) -> bytes:
    """`hidden`: what this account is not offered, in capitals and without what follows APPENDLIMIT."""
    offered = [*_ALWAYS, *_SIGNED_IN, *([b"COMPRESS=DEFLATE"] if offers_compression else [])]
    told = (name for name in offered if name.removesuffix(b"=%d").upper() not in hidden)
    return b" ".join(name % message_bytes if b"%d" in name else name for name in told)
