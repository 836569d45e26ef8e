"""What a mailbox holds, for whoever brings mails into it or takes them out by the thousand: folders and mails.

The caller owns the transaction (on `mail`). `digests` is how one import knows what another brought: by octets, which
have one EMAILID (mail/object_id) wherever they lie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mail.mime_index import Indexed
from store import content_rows, filing, folders, mail_scan, subscriptions
from store.folders import Folder
from store.spool import Stored


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail to be filed, its bytes taken by the spool."""

    stored: Stored
    index: Indexed
    flags: Sequence[str]
    date: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A filed mail; `blob` and `file` are what `Spool.get` wants."""

    uid: int
    flags: tuple[str, ...]
    date: datetime
    blob: bytes | None
    file: str | None


def ensure_folder(tx: Connection, mailbox_id: int, name: str, now: datetime) -> Folder:
    """The folder of that name; one that is made, and its parents, are subscribed to."""
    folders.ensure_folders(tx, mailbox_id, now)
    before = {folder.name for folder in folders.all_of(tx, mailbox_id)}
    if name not in before:
        folders.create(tx, mailbox_id, name, now)
        made = [folder.name for folder in folders.all_of(tx, mailbox_id) if folder.name not in before]
        subscriptions.add(tx, mailbox_id, made)
    found = folders.by_name(tx, mailbox_id, name)
    assert found is not None
    return found


def file_kept(tx: Connection, folder_id: int, mails: Sequence[Kept], now: datetime) -> None:
    """In their order, all or none."""
    for mail in mails:
        filing.file_message(tx, folder_id, mail.stored, mail.index, mail.flags, mail.date, now)


def digests(tx: Connection, folder_id: int, uids: Sequence[int]) -> Counter[str]:
    """How often each EMAILID is among these mails, at most mail_scan.BATCH."""
    return Counter(email_id for _, email_id in mail_scan.scan(tx, folder_id, uids, ["email_id"]))


def held(tx: Connection, folder_id: int, uids: Sequence[int]) -> list[Held]:
    """Those of `uids` that are there, by UID; at most mail_scan.BATCH."""
    rows = mail_scan.scan(tx, folder_id, uids, ["flags", "internaldate", "content_id"])
    bytes_of = content_rows.bytes_of(tx, [row[-1] for row in rows])
    return [Held(uid, tuple(flags.split()), date, *bytes_of[content_id]) for uid, flags, date, content_id in rows]
