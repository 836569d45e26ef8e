"""QRESYNC (RFC 7162 §3.2): a client that comes back hears what went and what changed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole, Talk
from peers.imap_words import put, selected, told


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("qresync")) as running:
        yield running


def remove(talk: Talk, uids: bytes) -> list[bytes]:
    talk.say(b"rs UID STORE %b +FLAGS.SILENT (\\Deleted)" % uids)
    return talk.say(b"re UID EXPUNGE " + uids)


def known(talk: Talk, folder: bytes) -> tuple[int, int]:
    lines = talk.say(b"k SELECT " + folder)
    return told(lines, b"UIDVALIDITY"), told(lines, b"HIGHESTMODSEQ")


def resynced(role: ImapRole, folder: bytes, parameter: bytes) -> list[bytes]:
    """What SELECT says beyond its usual answer."""
    talk = role.signed_in()
    talk.say(b"e ENABLE QRESYNC")
    lines = talk.say(b"s SELECT %b (QRESYNC (%b))" % (folder, parameter))
    assert lines[-1] == b"s OK [READ-WRITE] SELECT completed"
    return [line for line in lines if b"VANISHED" in line or b" FETCH " in line]


def test_it_enables_condstore_and_tells_vanished_not_expunge(role: ImapRole) -> None:
    one, other = selected(role, "told", 5, "QRESYNC"), role.signed_in()
    other.say(b"s SELECT told")
    assert remove(one, b"2:3,5")[0] == b"* VANISHED 2:3,5"
    assert [line for line in other.say(b"n NOOP") if b"EXPUNGE" in line] == [
        b"* 5 EXPUNGE", b"* 3 EXPUNGE", b"* 2 EXPUNGE",
    ]  # fmt: skip
    assert other.say(b"a STORE 1 +FLAGS (\\Seen)")
    assert b" MODSEQ (" in one.say(b"b NOOP")[0]


def test_expunge_tells_the_highest_modseq(role: ImapRole) -> None:
    talk = selected(role, "code", 2, "QRESYNC")
    answer = remove(talk, b"1")
    assert answer[-1].startswith(b"re OK [HIGHESTMODSEQ ")
    assert told(answer, b"HIGHESTMODSEQ") == known(talk, b"code")[1]


def test_what_vanished_and_changed_is_told_at_select(role: ImapRole) -> None:
    talk = selected(role, "back", 6)
    validity, modseq = known(talk, b"back")
    remove(talk, b"2,5:6")
    talk.say(b"a UID STORE 3 +FLAGS (\\Seen)")
    (new,) = put(talk, "back", b"A: b\r\n\r\n")
    answers = resynced(role, b"back", b"%d %d" % (validity, modseq))
    assert answers[0] == b"* VANISHED (EARLIER) 2,5:6"
    assert [line.split(b" MODSEQ")[0] for line in answers[1:]] == [
        b"* 2 FETCH (UID 3 FLAGS (\\Seen)", b"* 4 FETCH (UID %d FLAGS ()" % new,
    ]  # fmt: skip
    validity, modseq = known(talk, b"back")
    assert resynced(role, b"back", b"%d %d" % (validity, modseq)) == []


def test_only_the_uids_that_the_client_knows_are_told(role: ImapRole) -> None:
    talk = selected(role, "some", 6)
    validity, modseq = known(talk, b"some")
    remove(talk, b"1:2,5")
    talk.say(b"a UID STORE 3,4 +FLAGS (\\Seen)")
    answers = resynced(role, b"some", b"%d %d 2:3,6" % (validity, modseq))
    assert answers[0] == b"* VANISHED (EARLIER) 2"
    assert [line.split(b" FLAGS")[0] for line in answers[1:]] == [b"* 1 FETCH (UID 3"]


def test_an_older_state_than_is_remembered_gets_all_that_is_missing(role: ImapRole) -> None:
    talk = selected(role, "old", 6)
    remove(talk, b"2:3,6")
    talk.say(b"a RENAME old older")
    validity, _ = known(talk, b"older")
    assert resynced(role, b"older", b"%d 1" % validity)[0] == b"* VANISHED (EARLIER) 2:3,6"


def test_another_uidvalidity_means_that_nothing_is_known(role: ImapRole) -> None:
    talk = selected(role, "other", 2)
    validity, modseq = known(talk, b"other")
    remove(talk, b"1")
    assert resynced(role, b"other", b"%d %d" % (validity - 1, modseq)) == []


def test_uid_fetch_tells_what_vanished_since(role: ImapRole) -> None:
    talk = selected(role, "fetch", 5, "QRESYNC")
    since = known(talk, b"fetch")[1]
    remove(talk, b"1,4:5")
    lines = talk.say(b"a UID FETCH 1:4 (FLAGS) (CHANGEDSINCE %d VANISHED)" % since)
    assert lines == [b"* VANISHED (EARLIER) 1,4", b"a OK FETCH completed"]
    assert talk.say(b"b FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)")[-1].startswith(b"b BAD")
    assert talk.say(b"c UID FETCH 1 (FLAGS) (VANISHED)")[-1].startswith(b"c BAD")


def test_what_was_selected_is_told_to_be_closed(role: ImapRole) -> None:
    talk = selected(role, "closed", 1, "QRESYNC")
    assert talk.say(b"a SELECT closed")[0].startswith(b"* OK [CLOSED] ")
    talk.say(b"b CLOSE")
    assert not talk.say(b"c SELECT closed")[0].startswith(b"* OK [CLOSED] ")


@pytest.mark.parametrize(
    "parameter",
    [b"(QRESYNC)", b"(QRESYNC (1))", b"(QRESYNC (1 1 *))", b"(QRESYNC (1 1 1:2 (1 1:*)))", b"(QRESYNC (1 1", b"(X)"],
)
def test_broken_parameters_are_bad(role: ImapRole, parameter: bytes) -> None:
    talk = role.signed_in()
    talk.say(b"e ENABLE QRESYNC")
    assert talk.say(b"x SELECT INBOX " + parameter)[-1].startswith(b"x BAD")


def test_it_must_be_enabled_first(role: ImapRole) -> None:
    assert role.signed_in().say(b"x SELECT INBOX (QRESYNC (1 1))")[-1].startswith(b"x BAD")
