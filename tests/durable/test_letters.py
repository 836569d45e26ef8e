"""Mails go out into files and come in again: same octets, flags and dates, nothing twice, and the count proves it."""

from __future__ import annotations

import mailbox as standard
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from admin.acts import letters, mailboxes
from admin.acts.letters import Proof
from admin.office import Office
from admin.refusals import ConflictError, InvalidError, NotFoundError
from mail.mbox import Quoting
from mail.mime_index import index
from peers.offices import PROJECT, STRANGERS, office_of
from store import flagging, folders, mail_scan, mailbox_contents, subscriptions
from store.mailbox_contents import Kept
from store.settings import Limits, Settings
from store.stores import Stores

ANN, BOB = "ann@ours.test", "bob@ours.test"
AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
MAILS = {
    "INBOX": [b"Subject: one\r\n\r\nFrom me\r\n>From you\r\n", b"Subject: twice\r\n\r\n", b"Subject: twice\r\n\r\n"],
    "Sent": [b"Subject: lf\n\nalone\n", b"no header at all", b"Subject: large\r\n\r\n" + b"x" * 300_000 + b"\r\n"],
    "Projekte/Grün v1.2": [b"Subject: deep\r\n\r\n\xff\0\r\n"],
}
FLAGS = [["\\Seen", "$Forwarded"], ["\\Answered", "\\Flagged", "work"], []]


@pytest.fixture
def office(stores: Stores, tmp_path: Path) -> Office:
    made = office_of(stores, tmp_path, Settings(limits=Limits(message_bytes=1_000_000)))
    for address in (ANN, BOB):
        mailboxes.create(made, PROJECT, address, None, None)
    return made


def fill(office: Office, address: str) -> None:
    box, spool, now = letters.mailbox_of(office, PROJECT, address).id, letters.spool_of(office), office.now()
    for name, contents in MAILS.items():
        kept = [Kept(spool.put(one), index(one), flags, AT) for one, flags in zip(contents, FLAGS, strict=False)]

        def work(tx: Any, name: str = name, kept: list[Kept] = kept) -> None:
            mailbox_contents.file_kept(tx, mailbox_contents.ensure_folder(tx, box, name, now).id, kept, now)

        office.stores.mail.journal.run(work)


def held(office: Office, address: str) -> dict[str, Counter[tuple[bytes, frozenset[str], datetime]]]:
    """Octets, flags and dates by folder, of folders that have any."""
    box, spool = letters.mailbox_of(office, PROJECT, address).id, letters.spool_of(office)
    found = {}
    with office.stores.mail.database.read() as tx:
        for folder in folders.all_of(tx, box):
            mails = mailbox_contents.held(tx, folder.id, mail_scan.uids_of(tx, folder.id))
            if mails:
                found[folder.name] = Counter(
                    (spool.get(one.blob, one.file), frozenset(one.flags), one.date) for one in mails
                )
    return found


def bring(office: Office, path: Path, folder: str | None = None, address: str = BOB, project: int = PROJECT) -> Proof:
    return letters.bring(office, project, address, path, folder, Quoting.RD, lambda _: None)


def take_out(office: Office, into: Path, *, mbox: bool = False) -> Proof:
    return letters.take_out(office, PROJECT, ANN, into, mbox=mbox, seen=lambda _: None)


@pytest.mark.parametrize("mbox", [False, True])
def test_what_goes_out_comes_in_elsewhere_to_the_octet_and_only_once(
    office: Office, tmp_path: Path, *, mbox: bool
) -> None:
    fill(office, ANN)
    out = take_out(office, tmp_path / "out", mbox=mbox)
    counts = {tally.folder: tally.filed for tally in out.folders if tally.found}
    assert counts == {name: len(mails) for name, mails in MAILS.items()}
    first = bring(office, tmp_path / "out")
    assert first.whole
    assert {tally.folder: tally.filed for tally in first.folders if tally.found} == counts
    assert held(office, BOB) == held(office, ANN)
    again = bring(office, tmp_path / "out")
    assert [(tally.filed, tally.known, tally.missing) for tally in again.folders if tally.found] == [
        (0, count, 0) for count in (3, 1, 3)
    ]
    assert held(office, BOB) == held(office, ANN)
    with office.stores.mail.database.read() as tx:
        box = letters.mailbox_of(office, PROJECT, BOB).id
        assert {"Projekte", "Projekte/Grün v1.2"} <= subscriptions.of_account(tx, box)


def test_a_second_export_follows_flags_and_writes_only_what_is_new(office: Office, tmp_path: Path) -> None:
    fill(office, ANN)
    take_out(office, tmp_path / "out")
    box, now = letters.mailbox_of(office, PROJECT, ANN).id, office.now()

    def change(tx: Any) -> None:
        inbox = folders.ensure_folders(tx, box, now)
        flagging.store_flags(tx, inbox, [1], flagging.Change.REPLACE, ["\\Flagged"])

    office.stores.mail.journal.run(change)
    again = take_out(office, tmp_path / "out")
    assert sum(tally.filed for tally in again.folders) == 0
    assert bring(office, tmp_path / "out").whole
    assert held(office, BOB) == held(office, ANN)


def test_pythons_own_mailboxes_are_read_with_flags_dates_and_folders(office: Office, tmp_path: Path) -> None:
    root = standard.Maildir(tmp_path / "md")
    message = standard.MaildirMessage(b"Subject: hello\n\nFrom here\n")
    message.set_subdir("cur")
    message.set_flags("RS")
    message.set_date(AT.timestamp())
    root.add(message)
    root.add_folder("Old.2025").add(b"Subject: old\n\n")
    assert bring(office, tmp_path / "md").whole
    inbox = held(office, BOB)["INBOX"]
    assert [(octets, flags) for octets, flags, _ in inbox] == [
        (b"Subject: hello\r\n\r\nFrom here\r\n", frozenset({"\\Answered", "\\Seen"}))
    ]
    assert abs((next(iter(inbox))[2] - AT).total_seconds()) < 1
    assert list(held(office, BOB)) == ["INBOX", "Old/2025"]
    box = standard.mbox(tmp_path / "file")
    box.add(standard.mboxMessage(b"Subject: hello\n\nFrom here\n"))
    box.flush()
    assert bring(office, tmp_path / "file", "From elsewhere").whole
    assert "From elsewhere" in held(office, BOB)


def test_what_cannot_be_taken_is_named_and_the_rest_comes(office: Office, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = b"From a Fri Jan  2 03:04:05 2026\nSubject: %b\n\n%b\n\n"
    (tmp_path / "in" / "x.mbox").write_bytes(lines % (b"large", b"x" * 1_100_000) + lines % (b"small", b"y"))
    os.symlink("/etc/passwd", tmp_path / "in" / "link.mbox")
    proof = bring(office, tmp_path / "in")
    (tally,) = proof.folders
    assert (tally.folder, tally.found, tally.filed, tally.refused, proof.whole) == ("x", 2, 1, 1, False)
    assert proof.unfit[0].place.endswith("x.mbox, octet 0")
    (tmp_path / "in" / "x.mbox").write_bytes(b"From a 10:10 2026\nfine\n\n\nbut\n")
    with pytest.raises(ConflictError, match="no mbox|begins with") as told:
        bring(office, _written(tmp_path / "not.mbox", b"Subject: x\n"))
    assert "not.mbox, octet 0" in told.value.detail
    for wrong in ("a//b", "a*", "x" * 201):
        with pytest.raises(ConflictError, match="folder "):
            bring(office, _written(tmp_path / "one.mbox", lines % (b"a", b"b")), wrong)
    with pytest.raises(ConflictError, match="no such file"):
        bring(office, tmp_path / "nowhere")
    with pytest.raises(NotFoundError):
        bring(office, tmp_path / "in", project=STRANGERS)
    with pytest.raises(InvalidError):
        take_out(office, _written(tmp_path / "file", b""))


def _written(file: Path, octets: bytes) -> Path:
    file.write_bytes(octets)
    return file


def test_the_quota_holds_and_a_higher_one_lets_the_rest_in(office: Office, tmp_path: Path) -> None:
    mailboxes.create(office, PROJECT, "small@ours.test", None, 100)
    lines = b"From a Fri Jan  2 03:04:05 2026\nSubject: %d\n\n" + b"x" * 30 + b"\n\n"
    file = _written(tmp_path / "in.mbox", b"".join(lines % number for number in range(3)))
    with pytest.raises(ConflictError, match="may hold 100 and holds 92"):
        bring(office, file, address="small@ours.test")
    assert len(held(office, "small@ours.test")["INBOX"]) == 2
    mailboxes.change(office, PROJECT, "small@ours.test", {"quota_bytes": 1000})
    proof = bring(office, file, address="small@ours.test")
    assert [(tally.filed, tally.known) for tally in proof.folders] == [(1, 2)]
