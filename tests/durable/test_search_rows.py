"""What SEARCH reads is kept once for all copies of a mail and goes with the last of them; on both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mail.mime_index import index
from mail.search_text import KEPT
from mail.sort_keys import SortKeys
from store import content_rows, filing, flagging, folders, removal, search_rows
from store.flagging import Change
from store.schema import search_texts
from store.spool import Spool
from store.stores import Stores

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _kept(stores: Stores) -> int:
    with stores.mail.database.read() as tx:
        return int(tx.execute(select(func.count()).select_from(search_texts)).scalar_one())


@pytest.fixture
def inbox(stores: Stores) -> int:
    return stores.mail.journal.run(lambda tx: folders.ensure_folders(tx, 7, NOW))


def _filed(stores: Stores, spool: Spool, folder: int, raw: bytes) -> int:
    stored, indexed = spool.put(raw), index(raw)
    return stores.mail.journal.run(lambda tx: filing.file_message(tx, folder, stored, indexed, (), NOW, NOW))


def test_copies_share_what_is_searched_and_the_last_takes_it_along(stores: Stores, inbox: int, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with stores.mail.database.read() as tx:
        archive = folders.by_use(tx, 7, "\\Archive")
    assert archive is not None
    uid = _filed(stores, spool, inbox, b"Subject: Re: Hi\r\nDate: 21 Nov 2026 12:00:00 +0000\r\n\r\nWORDS\r\n")
    stores.mail.journal.run(lambda tx: filing.copy(tx, inbox, [uid], archive.id, NOW))
    assert _kept(stores) == 1
    with stores.mail.database.read() as tx:
        rows = [tuple(row) for row in search_rows.scan(tx, archive.id, [1, 2], ["header", "text"])]
        assert rows == [(1, b"\nsubject: re: hi\ndate: 21 nov 2026 12:00:00 +0000\n", b"words\n")]
        ((_, arrived, size, octets),) = search_rows.keys_of(tx, archive.id, [1])
        keys = SortKeys.from_bytes(octets)
    assert (keys.sent, keys.subject, keys.answers) == (arrived, "HI", True)
    assert size == 60
    for folder in (inbox, archive.id):
        stores.mail.journal.run(lambda tx, at=folder: flagging.store_flags(tx, at, [1], Change.ADD, ["\\Deleted"]))
        assert _kept(stores) == 1
        stores.mail.journal.run(lambda tx, at=folder: removal.expunge(tx, at, [1]))
    assert _kept(stores) == 0


def test_of_a_long_text_the_octets_are_found(stores: Stores, inbox: int, tmp_path: Path) -> None:
    spool, raw = Spool(tmp_path), b"Subject: x\r\n\r\n" + b"word " * (KEPT // 4)
    uid = _filed(stores, spool, inbox, raw)
    with stores.mail.database.read() as tx:
        assert [row[1] for row in search_rows.scan(tx, inbox, [uid], ["text"])] == [None]
        kept = content_rows.bytes_of_mail(tx, inbox, uid)
        assert content_rows.bytes_of_mail(tx, inbox, uid + 1) is None
    assert kept is not None
    assert spool.get(*kept) == raw
