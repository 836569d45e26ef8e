"""Programs that people run read and write a mailbox: curl, mutt, offlineimap, aioimaplib; one role for all of them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aioimaplib
import pytest

from peers import need
from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ANN, SECRET, ImapRole

COUNT = 5


@pytest.fixture(scope="module")
def role(migrated_once: Path | str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_once, tmp_path_factory.mktemp("programs")) as running:
        yield running


@pytest.fixture
def filled(role: ImapRole) -> Iterator[ImapRole]:
    """INBOX with COUNT mails, everything else empty."""
    client = role.client()
    for folder in ("Archive", "INBOX"):
        client.select(folder)
        client.store("1:*", "+FLAGS.SILENT", r"\Deleted")
        client.expunge()
    for number in range(1, COUNT + 1):
        client.append("INBOX", None, None, message(number))
    client.logout()
    yield role


def message(number: int) -> bytes:
    header = f"From: a{number}@b.test\r\nTo: ann@ours.test\r\nSubject: number {number}\r\n"
    header += f"Date: Sat, 21 Nov 2026 10:00:0{number} +0000\r\nMessage-ID: <{number}@b.test>\r\n"
    return f"{header}\r\nbody {number}\r\n".encode()


def ran(*command: str | Path, **how: str) -> bytes:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=60, check=False, env=how or None
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout


def test_curl_reads_searches_and_appends(filled: ImapRole, tmp_path: Path) -> None:
    curl = need.program("curl", "curl")
    host = f"imaps://localhost:{filled.ports['imaps']}"
    common = ("-sS", "--cacert", filled.folder / "ca.pem", "-u", f"{ANN}:{SECRET}")
    (uid, *_) = ran(curl, *common, f"{host}/INBOX", "-X", "UID SEARCH SUBJECT number").split()[2:]
    assert ran(curl, *common, f"{host}/INBOX;UID={uid.decode()}") == message(1)
    assert ran(curl, *common, f"{host}/INBOX;UID={uid.decode()};SECTION=TEXT") == b"body 1\r\n"
    assert ran(curl, *common, f"{host}/INBOX?SUBJECT%20%22number%203%22") == b"* SEARCH 3\r\n"
    (tmp_path / "mail").write_bytes(message(9))
    ran(curl, *common, "-T", tmp_path / "mail", f"{host}/Archive")
    assert ran(curl, *common, f"{host}/Archive;MAILINDEX=1") == message(9)


def test_mutt_limits_deletes_and_leaves(filled: ImapRole, tmp_path: Path) -> None:
    mutt, script = need.program("mutt", "mutt"), need.program("script", "bsdutils")
    rc = tmp_path / "muttrc"
    rc.write_text(
        f'set folder="imaps://localhost:{filled.ports["imaps"]}/"\nset spoolfile=+INBOX\nset imap_user="{ANN}"\n'
        f'set imap_pass="{SECRET}"\nset ssl_ca_certificates_file="{filled.folder / "ca.pem"}"\n'
        "set ssl_usesystemcerts=no\nset delete=yes\nset quit=yes\nset wait_key=no\nset imap_qresync=yes\n"
        f'set header_cache="{tmp_path / "cache"}"\n'
    )
    keys = 'push "<limit>~s number.4<enter><last-entry><delete-message><sync-mailbox><exit>"'
    ran(
        script, "-qec", f"{mutt} -n -F {rc} -e '{keys}'", tmp_path / "tty",
        TERM="xterm", HOME=str(tmp_path), PATH="/usr/bin:/bin",
    )  # fmt: skip
    client = filled.client()
    client.select("INBOX")
    assert client.search(None, "ALL")[1] == [b"1 2 3 4"]
    assert client.search(None, "SUBJECT", '"number 4"')[1] == [b""]


def test_offlineimap_brings_a_mailbox_home_and_what_was_put_there_back(filled: ImapRole, tmp_path: Path) -> None:
    offlineimap = need.program("offlineimap", "offlineimap3")
    rc, home = tmp_path / "rc", tmp_path / "maildir"
    rc.write_text(
        f"[general]\naccounts = ann\nui = quiet\nmetadata = {tmp_path / 'metadata'}\n"
        "[Account ann]\nlocalrepository = near\nremoterepository = far\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {home}\n"
        f"[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {filled.ports['imaps']}\n"
        f"remoteuser = {ANN}\nremotepass = {SECRET}\nssl = yes\nsslcacertfile = {filled.folder / 'ca.pem'}\n"
        "folderfilter = lambda name: name in ('INBOX', 'Archive')\n"
    )

    def sync() -> None:
        ran(offlineimap, "-c", rc, "-o", HOME=str(tmp_path), PATH="/usr/bin:/bin", LANG="C.UTF-8")

    sync()
    assert len([path for path in home.glob("INBOX/*/*") if path.is_file()]) == COUNT
    (home / "Archive" / "new" / "1.here").write_bytes(message(8).replace(b"\r\n", b"\n"))
    sync()
    sync()  # and nothing comes twice
    client = filled.client()
    client.select("Archive")
    assert client.search(None, "ALL")[1] == [b"1"]
    assert b"body 8" in client.fetch("1", "(BODY.PEEK[])")[1][0][1]


def test_aioimaplib_hears_of_new_mail_while_it_waits(filled: ImapRole) -> None:
    async def waits() -> None:
        client = aioimaplib.IMAP4_SSL("localhost", filled.ports["imaps"], ssl_context=filled.trust(), timeout=20)
        await client.wait_hello_from_server()
        assert (await client.login(ANN, SECRET)).result == "OK"
        assert (await client.select("INBOX")).result == "OK"
        found = await client.uid_search("SUBJECT number", charset=None)
        assert len(found.lines[0].split()) == COUNT
        idling = await client.idle_start(timeout=20)
        await asyncio.to_thread(_append_one, filled)
        assert (await client.wait_server_push())[0] == b"%d EXISTS" % (COUNT + 1)
        client.idle_done()
        await asyncio.wait_for(idling, 10)
        fetched = await client.fetch(str(COUNT + 1), "(UID FLAGS)")
        assert fetched.result == "OK"
        await client.logout()

    asyncio.run(waits())


def _append_one(role: ImapRole) -> None:
    client = role.client()
    client.append("INBOX", None, None, message(7))
    client.logout()
