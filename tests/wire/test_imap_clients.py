"""Real clients read and write mailboxes: python's imaplib, IMAPClient, mbsync; on both engines."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from peers import need
from peers.imap_role import ANN, SECRET, ImapRole, serving, settle_accounts
from store.stores import Stores

MULTIPART = (
    b"From: Ann <ann@ours.test>\r\nTo: =?utf-8?q?B=C3=B6b?= <bob@ours.test>\r\n"
    b"Subject: =?utf-8?b?0JvQsNCy0LrQsA==?=\r\n"
    b"Date: Sat, 21 Nov 2026 10:00:00 +0300\r\nMessage-ID: <1@ours.test>\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello there\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n"
)


@pytest.fixture
def role(tmp_path: Path, location: str, stores: Stores) -> Iterator[ImapRole]:
    settle_accounts(stores)
    with serving(tmp_path, location) as running:
        yield running


def message(number: int, body: str = "body") -> bytes:
    header = f"From: a@b.test\r\nSubject: number {number}\r\nMessage-ID: <{number}@b.test>\r\n"
    return f"{header}\r\n{body} {number}\r\n".encode()


def test_imaplib_appends_reads_flags_and_expunges(role: ImapRole) -> None:
    client = role.client()
    assert client.select("INBOX")[1] == [b"0"]
    assert client.append("INBOX", None, None, MULTIPART)[0] == "OK"
    assert client.append("INBOX", r"(\Flagged $Label1)", None, message(2))[0] == "OK"
    assert client.noop()[0] == "OK"
    assert client.untagged_responses["EXISTS"][-1] == b"2"

    envelope = client.fetch("1", "(FLAGS ENVELOPE)")[1][0]
    assert b'"Sat, 21 Nov 2026 10:00:00 +0300" "=?utf-8?b?0JvQsNCy0LrQsA==?="' in envelope
    whole = client.fetch("1", "(BODY.PEEK[])")[1][0]
    assert whole[1] == MULTIPART
    assert client.fetch("1", "(BODY.PEEK[1])")[1][0][1] == b"hello there"
    assert client.fetch("1", "(BODY.PEEK[TEXT]<4.7>)")[1][0][1] == MULTIPART.partition(b"\r\n\r\n")[2][4:11]
    assert client.fetch("1", "(BODY[2])")[1][0][1] == b"AAEC"
    assert b"\\Seen" in client.fetch("1", "(FLAGS)")[1][0]

    assert client.search(None, "KEYWORD", "$label1")[1] == [b"2"]
    assert client.search(None, "CHARSET", "UTF-8", "SUBJECT", '"number"')[1] == [b"2"]
    assert client.search(None, "BODY", '"HELLO"')[1] == [b"1"]
    assert client.store("1", "+FLAGS", r"(\Deleted)")[1] == [b"1 (FLAGS (\\Recent \\Deleted \\Seen))"]
    assert client.expunge()[1] == [b"1"]
    assert client.fetch("1:*", "(UID)")[1] == [b"1 (UID 2)"]
    client.close()
    client.logout()


@pytest.mark.alone
def test_idle_hears_another_sessions_mail_flags_and_expunge(role: ImapRole) -> None:
    idler, other = role.signed_in(), role.client()
    idler.say(b"s SELECT INBOX")
    idler.send(b"i IDLE\r\n")
    assert idler.line() == b"+ idling\r\n"
    began = time.monotonic()
    other.append("INBOX", None, None, message(1))
    assert [idler.line(), idler.line()] == [b"* 1 EXISTS\r\n", b"* 1 RECENT\r\n"]
    assert time.monotonic() - began < 2
    other.select("INBOX")
    other.store("1", "+FLAGS", r"\Seen")
    assert idler.line() == b"* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen))\r\n"
    other.store("1", "+FLAGS.SILENT", r"\Deleted")
    assert idler.line() == b"* 1 FETCH (UID 1 FLAGS (\\Recent \\Deleted \\Seen))\r\n"
    other.expunge()
    assert [idler.line(), idler.line()] == [b"* 1 EXPUNGE\r\n", b"* 0 RECENT\r\n"]
    idler.send(b"DONE\r\n")
    assert idler.until(b"i") == [b"i OK IDLE completed"]


def test_imapclient_finds_its_way(role: ImapRole) -> None:
    with IMAPClient("localhost", role.ports["imaps"], ssl_context=role.trust()) as client:
        client.login(ANN, SECRET)
        assert {b"IDLE", b"MOVE", b"UIDPLUS", b"SPECIAL-USE"} <= set(client.capabilities())
        assert client.namespace().personal == (("", "/"),)
        assert client.id_({"name": "test"})
        client.create_folder("Kunden/Größe")
        names = {name: flags for flags, _, name in client.list_folders()}
        assert b"\\Sent" in names["Sent"]
        assert "Kunden/Größe" in names
        client.select_folder("INBOX")
        client.append("INBOX", MULTIPART, flags=[b"\\Answered"])
        (uid,) = client.search(["SUBJECT", "Лавка"], charset="UTF-8")
        row = client.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE"])[uid]
        assert row[b"ENVELOPE"].message_id == b"<1@ours.test>"
        assert row[b"RFC822.SIZE"] == len(MULTIPART)
        assert row[b"BODYSTRUCTURE"].is_multipart
        client.move([uid], "Kunden/Größe")
        assert client.folder_status("Kunden/Größe", ["MESSAGES"]) == {b"MESSAGES": 1}
        assert client.search() == []
        client.rename_folder("Kunden/Größe", "Alt")
        assert client.select_folder("Alt", readonly=True)[b"EXISTS"] == 1
        client.unselect_folder()
        client.delete_folder("Alt")
        client.idle()
        client.idle_done()


def test_mbsync_pulls_and_pushes_both_ways(role: ImapRole, tmp_path: Path) -> None:
    need.program("mbsync", "isync")
    client = role.client()
    for number in range(30):
        client.append("INBOX", None, None, message(number))
    client.append("Archive", r"(\Seen)", None, MULTIPART)
    maildir = tmp_path / "maildir"
    sync = _mbsync(role, tmp_path, maildir)

    sync()
    pulled = sorted(_without_tuid(path.read_bytes()) for path in maildir.glob("INBOX/*/*") if path.is_file())
    assert pulled == sorted(message(number).replace(b"\r\n", b"\n") for number in range(30))
    assert len(list(maildir.glob("Archive/cur/*:2,S"))) == 1

    for number in range(100, 105):
        (maildir / "INBOX" / "new" / f"{number}.local").write_bytes(message(number).replace(b"\r\n", b"\n"))
    _flag(maildir / "INBOX", 1, "S")
    _flag(maildir / "INBOX", 2, "T")
    sync()
    client.select("INBOX")
    uids = [int(uid) for uid in client.uid("SEARCH", "ALL")[1][0].split()]
    assert len(uids) == 34
    assert 2 not in uids
    assert client.uid("SEARCH", "SEEN")[1][0].startswith(b"1")
    (pushed,) = client.uid("SEARCH", "SUBJECT", '"number 104"')[1]
    assert client.uid("FETCH", pushed.decode(), "(BODY.PEEK[TEXT])")[1][0][1] == b"body 104\r\n"

    sync()  # and nothing comes twice
    assert client.noop()[0] == "OK"
    assert len(client.uid("SEARCH", "ALL")[1][0].split()) == 34


def _without_tuid(octets: bytes) -> bytes:
    """What mbsync adds to tell its own copies is not ours."""
    return re.sub(rb"X-TUID: .*\n", b"", octets.replace(b"\r\n", b"\n"))


def _flag(folder: Path, uid: int, flag: str) -> None:
    """As a mail reader does: the file of that UID goes to cur with the flag in its name."""
    (found,) = (path for path in folder.glob("*/*") if re.search(rf",U={uid}(:|$)", path.name))
    found.rename(folder / "cur" / f"{found.name.split(':')[0]}:2,{flag}")


def _mbsync(role: ImapRole, folder: Path, maildir: Path) -> Callable[[], None]:
    maildir.mkdir()
    configuration = folder / "mbsyncrc"
    configuration.write_text(
        f"IMAPAccount ann\nHost localhost\nPort {role.ports['imaps']}\nUser {ANN}\nPass {SECRET}\n"
        f"SSLType IMAPS\nSystemCertificates no\nCertificateFile {role.folder / 'ca.pem'}\nAuthMechs PLAIN\n\n"
        "IMAPStore far\nAccount ann\n\n"
        f"MaildirStore near\nPath {maildir}/\nInbox {maildir}/INBOX\nSubFolders Verbatim\n\n"
        "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSync All\nSyncState *\n\n"
    )

    def run() -> None:
        done = subprocess.run(
            ["mbsync", "-c", str(configuration), "-a"], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr + role.log()

    return run
