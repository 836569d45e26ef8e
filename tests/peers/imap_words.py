"""What tests say to an IMAP role again and again, and how they read its answers."""

from __future__ import annotations

import re

from peers.imap_role import ImapRole, Talk


def put(talk: Talk, folder: str, *mails: bytes) -> list[int]:
    """APPEND each; their UIDs."""
    uids = []
    for mail in mails:
        answer = talk.say(b"put APPEND %b {%d+}\r\n%b" % (folder.encode(), len(mail), mail))[-1]
        found = re.search(rb"APPENDUID \d+ (\d+)\]", answer)
        assert found is not None, answer
        uids.append(int(found[1]))
    return uids


def selected(role: ImapRole, folder: str, mails: int, enable: str = "") -> Talk:
    """A session with a new folder of so many mails selected, none of them \\Recent; extensions enabled before."""
    talk = role.signed_in()
    assert talk.say(f"c CREATE {folder}".encode())[-1].startswith(b"c OK")
    put(talk, folder, *(b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number) for number in range(1, mails + 1)))
    talk.say(f"r SELECT {folder}".encode())
    if enable:
        talk.say(f"e ENABLE {enable}".encode())
    assert talk.say(f"s SELECT {folder}".encode())[-1].startswith(b"s OK")
    return talk


def told(lines: list[bytes], name: bytes) -> int:
    """The number in a response code or item, as in `[HIGHESTMODSEQ 7]` or `MODSEQ (7)`; of the last line with one."""
    found = re.findall(rb"\b%b \(?(\d+)" % name, b"\n".join(lines))
    assert found, (name, lines)
    return int(found[-1])
