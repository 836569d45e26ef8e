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
    with contextlib.suppress(OSError, IndexError):
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


def test_kill_9_during_move_and_expunge_loses_no_mail_and_repeats_no_uid(migrated_folder: Path, tmp_path: Path) -> None:
    with serving_ann_and_bob(migrated_folder, tmp_path) as role:
        talk = role.signed_in()
        talk.say(b"c CREATE target")
        for number in range(3):
            mails = (b"Subject: %d\r\n\r\n" % (number * 100 + step) for step in range(100))
            talk.say(b"a APPEND INBOX" + b"".join(b" {%d+}\r\n%b" % (len(mail), mail) for mail in mails))
        told: dict[bytes, set[int]] = {b"moved": set(), b"expunged": set()}
        for round_ in range(2):
            mover = threading.Thread(target=_move_on, args=(role, told[b"moved"], range(round_ * 152 + 1, 300, 4)))
            expunger = threading.Thread(
                target=_expunge_on, args=(role, told[b"expunged"], range(round_ * 152 + 3, 300, 4))
            )
            for thread in (mover, expunger):
                thread.start()
            time.sleep(0.5)
            role.kill()
            for thread in (mover, expunger):
                thread.join()
            role.start()
        talk = role.signed_in()
        here, there = _subjects(role, b"INBOX"), _subjects(role, b"target")
        assert len(told[b"moved"]) > 3
        assert len(told[b"expunged"]) > 3
        assert told[b"moved"] <= set(there)
        assert not told[b"expunged"] & {*here, *there}
        assert len(here) + len(there) == len({*here, *there})  # each mail is in one place
        assert len({*here, *there}) >= 300 - len(told[b"expunged"]) - 2  # at most what was under way is gone besides
        answer = talk.say(b"a APPEND INBOX {6+}\r\nA: b\r\n")[-1]
        assert b" 301] " in answer


def _move_on(role: ImapRole, told: set[int], numbers: range) -> None:
    with contextlib.suppress(OSError, IndexError):
        talk = role.signed_in()
        talk.say(b"s SELECT INBOX")
        for uid in numbers:
            if not talk.say(b"m UID MOVE %d target" % uid)[-1].startswith(b"m OK"):
                return
            told.add(uid - 1)


def _expunge_on(role: ImapRole, told: set[int], numbers: range) -> None:
    with contextlib.suppress(OSError, IndexError):
        talk = role.signed_in()
        talk.say(b"s SELECT INBOX")
        for uid in numbers:
            talk.say(b"d UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
            if not talk.say(b"e UID EXPUNGE %d" % uid)[-1].startswith(b"e OK"):
                return
            told.add(uid - 1)


def _subjects(role: ImapRole, folder: bytes) -> list[int]:
    talk = role.signed_in()
    talk.say(b"s SELECT " + folder)
    lines = talk.say(b"f FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]")
    return [int(found[1]) for line in lines if (found := re.search(rb"Subject: (\d+)", line))]
