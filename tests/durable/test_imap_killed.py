"""kill -9 while mails are appended: what was acknowledged is there once, and no UID is given twice."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from pathlib import Path

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole

ROUNDS = 3
WRITERS = 3


def test_kill_9_during_append_loses_nothing_and_repeats_no_uid(migrated_folder: Path, tmp_path: Path) -> None:
    acknowledged: dict[int, bytes] = {}
    with serving_ann_and_bob(migrated_folder, tmp_path) as role:
        for round_ in range(ROUNDS):
            writers = [
                threading.Thread(target=_append, args=(role, f"{round_}-{writer}", acknowledged))
                for writer in range(WRITERS)
            ]
            for writer in writers:
                writer.start()
            time.sleep(0.7)
            role.kill()
            for writer in writers:
                writer.join()
            role.start()
        talk = role.signed_in()
        talk.say(b"s SELECT INBOX")
        found: dict[int, bytes] = {}
        for line in talk.say(b"f UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]"):
            if uid := re.search(rb"UID (\d+)", line):
                subject = re.search(rb"Subject: (\S+)", line)
                assert subject is not None
                assert int(uid[1]) not in found
                found[int(uid[1])] = subject[1]
    assert len(acknowledged) > 20
    assert {uid: found.get(uid) for uid in acknowledged} == acknowledged
    assert len(set(found.values())) == len(found)
    # Beyond what was acknowledged there is at most what was under way when it was killed.
    assert len(found) - len(acknowledged) <= ROUNDS * WRITERS


def _append(role: ImapRole, name: str, acknowledged: dict[int, bytes]) -> None:
    with contextlib.suppress(OSError):
        talk = role.signed_in()
        for number in range(100_000):
            subject = f"{name}-{number}".encode()
            size = 300_000 if number % 10 == 9 else 100  # the large ones are files of their own
            mail = b"Subject: " + subject + b"\r\n\r\n" + b"x" * size
            talk.send(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(mail), mail))
            answer = talk.line()
            if not answer.startswith(b"a OK"):
                return
            uid = re.search(rb"APPENDUID \d+ (\d+)", answer)
            assert uid is not None
            assert int(uid[1]) not in acknowledged
            acknowledged[int(uid[1])] = subject
