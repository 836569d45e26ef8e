"""CONDSTORE (RFC 7162 §3.1): MODSEQs are told, asked for, and keep one client from undoing what another did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole
from peers.imap_words import put, selected, told


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("condstore")) as running:
        yield running


def test_select_and_status_tell_the_highest_modseq(role: ImapRole) -> None:
    talk = selected(role, "highest", 2)
    lines = talk.say(b"a SELECT highest (CONDSTORE)")
    highest = told(lines, b"HIGHESTMODSEQ")
    assert talk.say(b"b STATUS highest (HIGHESTMODSEQ)")[0] == b"* STATUS highest (HIGHESTMODSEQ %d)" % highest
    put(talk, "highest", b"A: b\r\n\r\n")
    assert told(talk.say(b"c STATUS highest (HIGHESTMODSEQ)"), b"HIGHESTMODSEQ") > highest


def test_flag_changes_tell_their_modseq_once_enabled(role: ImapRole) -> None:
    one, other = selected(role, "enabled", 2), role.signed_in()
    other.say(b"s SELECT enabled")
    assert other.say(b"a STORE 1 +FLAGS (\\Seen)")[0] == b"* 1 FETCH (FLAGS (\\Seen))"
    assert one.say(b"b NOOP")[0] == b"* 1 FETCH (UID 1 FLAGS (\\Seen))"
    assert one.say(b"c ENABLE CONDSTORE") == [b"* ENABLED CONDSTORE", b"c OK ENABLE completed"]
    other.say(b"d STORE 1 +FLAGS (\\Flagged)")
    (line, _) = one.say(b"e NOOP")
    assert line.startswith(b"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen) MODSEQ (")
    assert one.say(b"f STORE 2 +FLAGS.SILENT (\\Draft)")[0].startswith(b"* 2 FETCH (MODSEQ (")
    assert one.say(b"g UID STORE 2 -FLAGS (\\Draft)")[0].startswith(b"* 2 FETCH (UID 2 FLAGS () MODSEQ (")
    assert other.say(b"h NOOP")[0] == b"* 2 FETCH (UID 2 FLAGS ())"


@pytest.mark.parametrize(
    ("number", "enabling"),
    enumerate(
        (
            b"FETCH 1 (MODSEQ)",
            b"FETCH 1 (FLAGS) (CHANGEDSINCE 1)",
            b"STORE 1 (UNCHANGEDSINCE 0) FLAGS (\\Seen)",
            b"STATUS INBOX (HIGHESTMODSEQ)",
        )
    ),
)
def test_using_it_enables_it(role: ImapRole, number: int, enabling: bytes) -> None:
    talk = selected(role, f"using-{number}", 1)
    talk.say(b"a " + enabling)
    assert b"MODSEQ" in talk.say(b"b STORE 1 FLAGS (\\Flagged)")[0]


def test_changedsince_answers_only_what_changed(role: ImapRole) -> None:
    talk = selected(role, "changedsince", 3)
    since = told(talk.say(b"a SELECT changedsince"), b"HIGHESTMODSEQ")
    assert talk.say(b"b FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % since) == [b"b OK FETCH completed"]
    talk.say(b"c STORE 2 +FLAGS.SILENT (\\Seen)")
    lines = talk.say(b"d FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % since)
    assert len(lines) == 2
    assert lines[0].startswith(b"* 2 FETCH (FLAGS (\\Seen) MODSEQ (")
    assert talk.say(b"e UID FETCH 1:* UID (CHANGEDSINCE 0)")[-1] == b"e OK FETCH completed"


def test_unchangedsince_stores_nothing_over_what_another_changed(role: ImapRole) -> None:
    one, other = selected(role, "unchanged", 3), role.signed_in()
    since = told(one.say(b"a FETCH 1:* (MODSEQ)"), b"MODSEQ")
    other.say(b"s SELECT unchanged")
    other.say(b"b STORE 2 +FLAGS (\\Seen)")
    lines = one.say(b"c STORE 1:3 (UNCHANGEDSINCE %d) +FLAGS (\\Flagged)" % since)
    assert lines[-1].startswith(b"c OK [MODIFIED 2] ")
    assert [line.split(b" MODSEQ")[0] for line in lines[:-1]] == [
        b"* 1 FETCH (FLAGS (\\Flagged)", b"* 3 FETCH (FLAGS (\\Flagged)", b"* 2 FETCH (UID 2 FLAGS (\\Seen)",
    ]  # fmt: skip
    assert one.say(b"d UID STORE 2 (UNCHANGEDSINCE %d) FLAGS.SILENT ()" % since)[-1].startswith(b"d OK [MODIFIED 2] ")
    assert one.say(b"e STORE 1 (UNCHANGEDSINCE 0) FLAGS ()")[-1].startswith(b"e OK [MODIFIED 1] ")


def test_a_store_that_changes_nothing_raises_no_modseq(role: ImapRole) -> None:
    talk = selected(role, "nothing", 1)
    talk.say(b"a STORE 1 FLAGS (x)")
    before = told(talk.say(b"b FETCH 1 MODSEQ"), b"MODSEQ")
    talk.say(b"c STORE 1 +FLAGS (X)")
    assert told(talk.say(b"d FETCH 1 MODSEQ"), b"MODSEQ") == before


def test_reading_a_body_tells_flags_and_modseq(role: ImapRole) -> None:
    talk = selected(role, "reading", 1, "CONDSTORE")
    assert b"FLAGS (\\Seen) MODSEQ (" in talk.say(b"a FETCH 1 BODY[TEXT]")[0]
    assert b"FLAGS" not in talk.say(b"b FETCH 1 BODY[TEXT]")[0]


@pytest.mark.parametrize(
    "line",
    [
        b"FETCH 1 FLAGS (CHANGEDSINCE)", b"FETCH 1 FLAGS (CHANGEDSINCE 99999999999999999999)",
        b"FETCH 1 FLAGS (SINCE 1)", b"STORE 1 (UNCHANGEDSINCE x) FLAGS ()", b"STORE 1 (UNCHANGED 1) FLAGS ()",
        b"SELECT INBOX (CONDSTOR)", b"SELECT INBOX CONDSTORE", b"FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
    ],
)  # fmt: skip
def test_broken_modifiers_are_bad(role: ImapRole, line: bytes) -> None:
    talk = role.signed_in()
    talk.say(b"s SELECT INBOX")
    assert talk.say(b"x " + line)[-1].startswith(b"x BAD")
