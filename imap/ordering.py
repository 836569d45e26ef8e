"""What SORT and THREAD compare of the mails that were found, read in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from imap.results import Hits
from imap.session import Session
from mail.sort_keys import SortKeys
from store import search_rows
from store.mail_scan import BATCH

MOST: Final = 200_000  # mails; each costs about a kilobyte while the command runs


@dataclass(frozen=True, slots=True)
class Ordered:
    """`arrived` (INTERNALDATE) and `sent` (of the Date field, else the same): microseconds since 1970."""

    uid: int
    number: int
    modseq: int  # 0 where nobody asked
    arrived: int
    sent: int
    size_bytes: int
    keys: SortKeys


def ordered(session: Session, hits: Hits) -> Iterator[Ordered]:
    """Those that are still there, in the order of `hits`, which is that of their numbers."""
    modseqs = hits.modseqs or [0] * len(hits.uids)
    for start in range(0, len(hits.uids), BATCH):
        part = slice(start, start + BATCH)
        places = {
            uid: (number, modseq)
            for uid, number, modseq in zip(hits.uids[part], hits.numbers[part], modseqs[part], strict=True)
        }
        with session.backing.stores.mail.database.read() as tx:
            rows = search_rows.keys_of(tx, session.selected.folder.id, list(places))
        for uid, arrived, size_bytes, octets in rows:
            keys = SortKeys.from_bytes(octets)
            yield Ordered(uid, *places[uid], arrived, arrived if keys.sent is None else keys.sent, size_bytes, keys)
