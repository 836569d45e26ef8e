"""The untagged STATUS answer (RFC 3501 §7.2.4, RFC 8438, RFC 9051 §7.3.4), of STATUS, LIST RETURN (STATUS), NOTIFY."""

from __future__ import annotations

from typing import Final

from imap.extension import Extension
from imap.session import Session
from store import folder_counts
from store.folder_counts import Counts
from store.folders import Folder

_COUNTED: Final = frozenset((b"DELETED", b"MESSAGES", b"RECENT", b"SIZE", b"UNSEEN"))
STATUS_ITEMS: Final = _COUNTED | {b"DELETED-STORAGE", b"HIGHESTMODSEQ", b"MAILBOXID", b"UIDNEXT", b"UIDVALIDITY"}


def status_line(session: Session, folder: Folder, items: tuple[bytes, ...]) -> bytes:
    counts, deleted_bytes = Counts(0, 0, 0, 0, 0), 0
    with session.backing.stores.mail.database.read() as tx:
        if _COUNTED.intersection(items):
            counts = folder_counts.count(tx, folder.id)
        if b"DELETED-STORAGE" in items:
            deleted_bytes = folder_counts.deleted_bytes(tx, folder.id)
    values: dict[bytes, bytes | int] = {
        b"DELETED": counts.deleted,
        b"DELETED-STORAGE": deleted_bytes,
        b"HIGHESTMODSEQ": folder.highestmodseq,
        b"MAILBOXID": b"(%b)" % folder.object_id.encode(),
        b"MESSAGES": counts.messages,
        b"RECENT": counts.recent,
        b"SIZE": counts.size_bytes,
        b"UIDNEXT": folder.uidnext,
        b"UIDVALIDITY": folder.uidvalidity,
        b"UNSEEN": counts.unseen,
    }
    if b"HIGHESTMODSEQ" in items:
        session.enable(Extension.CONDSTORE)
    told = ((item, values[item]) for item in items)
    words = [item + b" " + (value if isinstance(value, bytes) else b"%d" % value) for item, value in told]
    return b"* STATUS %b (%b)\r\n" % (session.mailbox_word(folder.name), b" ".join(words))
