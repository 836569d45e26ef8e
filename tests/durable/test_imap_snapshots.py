"""A snapshot made of the last one and what happened since is the one that a whole read would give."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection

from imap import snapshots
from imap.snapshots import Snapshots
from mail.mime_index import Indexed, index
from store import filing, flagging, folders, removal
from store.flagging import Change
from store.spool import Spool, Stored
from store.stores import Stores

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RAW = b"Subject: hi\r\n\r\nbody\r\n"


@pytest.mark.parametrize("remembered", [10_000, 3])
def test_incremental_snapshots_are_whole_ones(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(removal, "REMEMBERED", remembered)
    monkeypatch.setattr(snapshots, "GONE", 5)
    run, chance = stores.mail.journal.run, Random(7)
    inbox = run(lambda tx: folders.ensure_folders(tx, 7, NOW))
    stored, indexed = Spool(tmp_path).put(RAW), index(RAW)
    known = Snapshots(stores.mail.database)
    kept = known.current(inbox)
    for step in range(60):
        uids = [uid for uid in kept.uids if chance.random() < 0.3]
        flags = chance.sample(["\\Seen", "\\Deleted", f"k{step}"], 2)
        match chance.randrange(4):
            case 0 | 1:
                for _ in range(chance.randrange(5)):
                    run(partial(_file, folder=inbox, stored=stored, indexed=indexed, flags=flags[:1]))
            case 2:
                change = chance.choice(list(Change))
                run(partial(flagging.store_flags, folder_id=inbox, uids=uids, change=change, flags=flags))
            case _:
                run(partial(removal.expunge, folder_id=inbox, uids=uids))
        kept = known.current(inbox)
        whole = Snapshots(stores.mail.database).current(inbox)
        assert (kept.uids, kept.first_unseen, kept.modseq) == (whole.uids, whole.first_unseen, whole.modseq)
        assert kept.keywords >= whole.keywords
        assert known.current(inbox) is kept


def _file(tx: Connection, folder: int, stored: Stored, indexed: Indexed, flags: list[str]) -> int:
    return filing.file_message(tx, folder, stored, indexed, flags, NOW, NOW)
