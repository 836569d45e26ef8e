"""Filed mails: UIDs and MODSEQs never come twice, an arrival is filed once, bytes go with the last that names them."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, func, insert, select

from mail.mime_index import index
from store import content_rows, filing, flagging, folder_state, folders, mail_scan, removal
from store.flagging import Change, Flagging
from store.folder_state import FolderGoneError
from store.mail_flags import TooManyFlagsError
from store.mail_scan import Overview
from store.removal import Expunged
from store.schema import arrivals, contents
from store.spool import BLOB_LIMIT, Spool
from store.stores import Stores

T = TypeVar("T")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RAW = b"Subject: hi\r\n\r\nbody\r\n"


@dataclass
class Box:
    """An account with its INBOX and Archive, written through the journal."""

    stores: Stores
    spool: Spool
    inbox: int = 0
    archive: int = 0

    def write(self, work: Callable[[Connection], T]) -> T:
        return self.stores.mail.journal.run(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        with self.stores.mail.database.read() as tx:
            return work(tx)

    def file(self, raw: bytes = RAW, arrival: int | None = None, flags: tuple[str, ...] = ()) -> int:
        stored, indexed = self.spool.put(raw), index(raw)
        return self.write(lambda tx: filing.file_message(tx, self.inbox, stored, indexed, flags, NOW, NOW, arrival))

    def flag(self, uids: list[int], change: Change, flags: list[str], unchanged_since: int | None = None) -> Flagging:
        return self.write(lambda tx: flagging.store_flags(tx, self.inbox, uids, change, flags, unchanged_since))

    def expunged_since(self, modseq: int) -> list[int] | None:
        return self.read(lambda tx: removal.expunged_since(tx, self.inbox, modseq))

    def overview(self) -> Overview:
        return self.read(lambda tx: mail_scan.overview(tx, self.inbox))

    def uids(self, folder: int) -> list[int]:
        return list(self.read(lambda tx: mail_scan.uids_of(tx, folder)))

    def modseq(self, folder: int) -> int:
        found = self.read(lambda tx: folders.by_id(tx, folder))
        assert found is not None
        return found.highestmodseq

    def contents(self) -> int:
        return self.read(lambda tx: tx.execute(select(func.count()).select_from(contents)).scalar_one())


@pytest.fixture
def box(stores: Stores, tmp_path: Path) -> Box:
    made = Box(stores, Spool(tmp_path / "spool"))
    made.inbox = made.write(lambda tx: folders.ensure_folders(tx, 7, NOW))
    archive = made.read(lambda tx: folders.by_use(tx, 7, "\\Archive"))
    assert archive is not None
    made.archive = archive.id
    return made


def test_the_same_arrival_is_filed_once(box: Box) -> None:
    first = box.file(arrival=5)
    assert box.file(arrival=5) == first
    assert box.file(arrival=6) > first
    assert len(box.uids(box.inbox)) == 2


def test_an_arrival_is_filed_once_even_by_two_at_once(box: Box) -> None:
    stored, indexed = box.spool.put(RAW), index(RAW)
    filed = [
        box.stores.mail.journal.submit(
            lambda tx: filing.file_message(tx, box.inbox, stored, indexed, (), NOW, NOW, 9),
        )
        for _ in range(20)
    ]
    assert len({future.result() for future in filed}) == 1


def test_uids_and_modseqs_only_rise_whatever_is_removed(box: Box) -> None:
    seen: list[int] = []
    modseqs = [box.modseq(box.inbox)]
    for _ in range(3):
        uid = box.file(flags=("\\Deleted",))
        assert not seen or uid > max(seen)
        seen.append(uid)
        modseqs.append(box.modseq(box.inbox))
        box.write(lambda tx, uid=uid: removal.expunge(tx, box.inbox, [uid]))
        modseqs.append(box.modseq(box.inbox))
    assert modseqs == sorted(set(modseqs))
    assert box.uids(box.inbox) == []


def test_flags_change_as_store_says_and_only_what_changed_gets_a_new_modseq(box: Box) -> None:
    one, two = box.file(flags=("\\seen", "Work")), box.file()
    changed = box.flag([one, two], Change.ADD, ["\\SEEN"]).changed
    assert [(mail.uid, mail.flags) for mail in changed] == [(two, "\\Seen")]
    assert changed[0].modseq == box.modseq(box.inbox)
    before = changed[0].modseq
    changed = box.flag([one, two], Change.REMOVE, ["work"]).changed
    assert [(mail.uid, mail.flags) for mail in changed] == [(one, "\\Seen")]
    changed = box.flag([one], Change.REPLACE, ["\\Flagged", "a"]).changed
    assert [mail.flags for mail in changed] == ["\\Flagged a"]
    since = box.read(lambda tx: flagging.flags_since(tx, box.inbox, before))
    assert [(mail.uid, mail.flags) for mail in since] == [(one, "\\Flagged a")]
    highest = box.modseq(box.inbox)
    assert box.flag([99], Change.ADD, ["x"]) == Flagging((), ())
    again = box.flag([one], Change.ADD, ["A"])
    assert (again.changed, [mail.uid for mail in again.same]) == ((), [one])
    assert box.modseq(box.inbox) == highest


def test_flags_that_somebody_else_changed_since_stay_as_they_are(box: Box) -> None:
    one, two = box.file(), box.file()
    known = box.modseq(box.inbox)
    box.flag([one], Change.ADD, ["theirs"])
    done = box.flag([one, two], Change.REPLACE, ["ours"], unchanged_since=known)
    assert (done.refused, [mail.uid for mail in done.changed]) == ((one,), [two])
    assert box.flag([one], Change.ADD, ["x"], unchanged_since=0).refused == (one,)
    assert [mail.flags for mail in box.read(lambda tx: flagging.flags_since(tx, box.inbox, known))] == [
        "theirs",
        "ours",
    ]


def test_what_was_expunged_is_remembered_by_modseq_and_no_further_than_said(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "REMEMBERED", 2)
    uids = [box.file(flags=("\\Deleted",)) for _ in range(6)]
    start = box.modseq(box.inbox)
    assert box.expunged_since(start) == []
    box.write(lambda tx: removal.expunge(tx, box.inbox, [uids[1]]))
    after_one = box.modseq(box.inbox)
    box.write(lambda tx: filing.move(tx, box.inbox, [uids[0]], box.archive, NOW))
    assert box.expunged_since(start) == [uids[0], uids[1]]
    assert box.expunged_since(after_one) == [uids[0]]
    box.write(lambda tx: removal.expunge(tx, box.inbox, [uids[3], uids[4]]))
    assert box.expunged_since(start) is None
    assert box.expunged_since(box.modseq(box.inbox) - 1) == [uids[3], uids[4]]
    assert box.expunged_since(box.modseq(box.inbox)) == []


def test_renaming_the_inbox_takes_its_mails_and_their_uids_along(box: Box) -> None:
    uids = [box.file(), box.file()]
    before = box.read(lambda tx: folders.by_id(tx, box.inbox))
    assert before is not None
    box.write(lambda tx: filing.empty_into(tx, before, "Old", NOW))
    made = box.read(lambda tx: folders.by_name(tx, 7, "Old"))
    assert made is not None
    assert box.uids(made.id) == uids
    assert (made.uidnext, made.object_id != before.object_id) == (before.uidnext, True)
    assert box.expunged_since(before.highestmodseq) == uids
    assert box.file() == before.uidnext


def test_new_mail_is_recent_for_one_session(box: Box) -> None:
    one, two = box.file(), box.file()
    assert box.write(lambda tx: folder_state.claim_recent(tx, box.inbox, two + 1)) == one
    assert box.write(lambda tx: folder_state.claim_recent(tx, box.inbox, two + 1)) is None
    three = box.file()
    assert box.write(lambda tx: folder_state.claim_recent(tx, box.inbox, three + 1)) == three


def test_equal_octets_have_one_email_id_and_replies_one_thread(box: Box) -> None:
    first = b"Message-ID: <a@b>\r\n\r\n1"
    reply = b"References: <a@b> <c@d>\r\nMessage-ID: <e@f>\r\n\r\n2"
    uids = [box.file(first), box.file(first), box.file(reply), box.file(b"In-Reply-To: <a@b>\r\n\r\n3"), box.file()]
    rows = list(box.read(lambda tx: list(mail_scan.scan(tx, box.inbox, uids, ["email_id", "thread_id"]))))
    assert len({email_id for _, email_id, _ in rows}) == 4
    assert rows[0][1] == rows[1][1]
    assert len({thread_id for _, _, thread_id in rows[:4]}) == 1
    assert rows[4][2] != rows[0][2]


def test_expunge_takes_only_what_is_flagged_and_named(box: Box) -> None:
    one, two, three = box.file(flags=("\\Deleted",)), box.file(flags=("\\Deleted",)), box.file()
    assert box.read(lambda tx: mail_scan.deleted(tx, box.inbox)) == [one, two]
    gone = box.write(lambda tx: removal.expunge(tx, box.inbox, [two, three]))
    assert gone == Expunged((two,), ())
    assert box.uids(box.inbox) == [one, three]


def test_bytes_go_with_the_last_mail_that_names_them(box: Box, tmp_path: Path) -> None:
    uid = box.file(b"Subject: large\r\n\r\n" + b"x" * BLOB_LIMIT)
    box.write(lambda tx: filing.copy(tx, box.inbox, [uid], box.archive, NOW))
    box.flag([uid], Change.ADD, ["\\Deleted"])
    assert box.write(lambda tx: removal.expunge(tx, box.inbox, [uid])).files == ()
    assert box.contents() == 1
    gone = box.write(lambda tx: removal.delete_folder(tx, box.archive))
    assert len(gone.files) == 1
    assert box.contents() == 0
    (kept,) = (tmp_path / "spool").glob("??/*")
    assert gone.files == (kept.name,)


def test_bytes_stay_while_an_arrival_names_them(box: Box) -> None:
    stored = box.spool.put(RAW)

    def arrive(tx: Connection) -> int:
        (content,) = content_rows.put_contents(tx, [stored])
        row = {
            "content_id": content, "state": "new", "received_at": NOW, "reverse_path": "", "peer": "", "helo": "",
            "tls": False, "authentication": {},
        }  # fmt: skip
        tx.execute(insert(arrivals).values(row))
        return content

    content = box.write(arrive)
    uid = box.write(lambda tx: filing.file_message(tx, box.inbox, content, index(RAW), ["\\Deleted"], NOW, NOW, 1))
    box.write(lambda tx: removal.expunge(tx, box.inbox, [uid]))
    assert box.contents() == 1
    box.write(lambda tx: tx.execute(arrivals.delete()))
    assert box.write(lambda tx: content_rows.drop_unnamed(tx, [content])) == ()
    assert box.contents() == 0


def test_copy_and_move_keep_order_flags_and_date_and_share_bytes(box: Box) -> None:
    uids = [box.file(flags=(f"k{number}",)) for number in range(4)]
    box.write(lambda tx: filing.move(tx, box.inbox, [uids[1]], box.archive, NOW))
    pairs = box.write(lambda tx: filing.copy(tx, box.inbox, [uids[0], uids[1], uids[3]], box.archive, NOW))
    assert pairs == [(uids[0], 2), (uids[3], 3)]
    rows = box.read(
        lambda tx: [tuple(row) for row in mail_scan.scan(tx, box.archive, [1, 2, 3], ["flags", "internaldate"])]
    )
    assert rows == [(1, "k1", NOW), (2, "k0", NOW), (3, "k3", NOW)]
    assert box.uids(box.inbox) == [uids[0], uids[2], uids[3]]
    assert box.contents() == 4
    assert [mail.uid for mail in box.read(lambda tx: flagging.flags_since(tx, box.archive, 2))] == [2, 3]


def test_an_arrival_that_was_copied_can_be_copied_again(box: Box) -> None:
    uid = box.file(arrival=3)
    box.write(lambda tx: filing.copy(tx, box.inbox, [uid], box.archive, NOW))
    box.write(lambda tx: filing.copy(tx, box.inbox, [uid], box.archive, NOW))
    assert box.uids(box.archive) == [1, 2]


def test_a_folder_that_is_gone_takes_no_mail(box: Box) -> None:
    box.write(lambda tx: removal.delete_folder(tx, box.archive))
    stored = box.spool.put(RAW)
    with pytest.raises(FolderGoneError):
        box.write(lambda tx: filing.file_message(tx, box.archive, stored, index(RAW), (), NOW, NOW))
    uid = box.file()
    with pytest.raises(FolderGoneError):
        box.write(lambda tx: filing.move(tx, box.inbox, [uid], box.archive, NOW))
    assert box.uids(box.inbox) == [uid]
    assert box.contents() == 1


def test_an_overview_names_uids_keywords_and_the_first_unseen(box: Box) -> None:
    assert box.overview() == Overview(array("I"), frozenset(), None)
    uids = [box.file(flags=("\\Seen", "a")), box.file(flags=("b",)), box.file(flags=("\\Seen", "\\Deleted"))]
    box.flag([uids[0]], Change.ADD, ["c"])
    assert box.overview() == Overview(array("I", uids), frozenset("abc"), uids[1])
    box.flag([uids[1]], Change.ADD, ["\\Seen"])
    assert box.overview().first_unseen is None


def test_flags_have_a_limit_together_however_they_come(box: Box) -> None:
    uid = box.file()
    many = [f"keyword-{number:091}" for number in range(20)]
    box.flag([uid], Change.ADD, many[:10])
    box.flag([uid], Change.ADD, many[10:])
    with pytest.raises(TooManyFlagsError):
        box.flag([uid], Change.ADD, ["one-more"])
    assert len(box.overview().keywords) == 20
