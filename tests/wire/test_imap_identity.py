"""OBJECTID (RFC 8474), SAVEDATE (RFC 8514), STATUS items: what a mail and a folder are known by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole, Talk
from peers.imap_words import put, selected


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("identity")) as running:
        yield running


def mailbox_id(lines: list[bytes]) -> bytes:
    found = re.search(rb"MAILBOXID \(([A-Za-z0-9_-]{1,255})\)", b"\n".join(lines))
    assert found is not None, lines
    return found[1]


def ids(talk: Talk, number: int) -> tuple[bytes, bytes]:
    found = re.search(
        rb"EMAILID \(([\w-]+)\) THREADID \(([\w-]+)\)", talk.say(b"i FETCH %d (EMAILID THREADID)" % number)[0]
    )
    assert found is not None
    return found[1], found[2]


def test_a_folder_keeps_its_id_when_it_is_renamed_and_no_other_gets_it(role: ImapRole) -> None:
    talk = role.signed_in()
    first = mailbox_id(talk.say(b"a CREATE ids"))
    assert mailbox_id(talk.say(b"b STATUS ids (MAILBOXID)")) == first
    assert mailbox_id(talk.say(b"c SELECT ids")) == first
    talk.say(b"d RENAME ids renamed")
    assert mailbox_id(talk.say(b"e STATUS renamed (MAILBOXID)")) == first
    talk.say(b"f DELETE renamed")
    assert mailbox_id(talk.say(b"g CREATE ids")) != first


def test_copies_are_the_same_mail_and_answers_the_same_conversation(role: ImapRole) -> None:
    talk = selected(role, "mails", 0)
    put(talk, "mails", b"Message-ID: <r@x>\r\n\r\n1", b"References: <r@x> <s@x>\r\n\r\n2", b"Subject: other\r\n\r\n3")
    talk.say(b"a COPY 1 mails")
    talk.say(b"n NOOP")
    assert ids(talk, 1) == ids(talk, 4)
    assert ids(talk, 1)[1] == ids(talk, 2)[1]
    assert ids(talk, 1)[0] != ids(talk, 2)[0]
    assert ids(talk, 3)[1] not in (ids(talk, 1)[1], ids(talk, 3)[0])


def test_savedate_is_when_it_came_here_not_what_the_client_said(role: ImapRole) -> None:
    talk = selected(role, "saved", 0)
    talk.say(b'a APPEND saved "07-Feb-1994 21:52:25 -0800" {4+}\r\nA: b')
    (line, *_) = talk.say(b"b FETCH 1 (INTERNALDATE SAVEDATE)")
    found = re.search(rb'INTERNALDATE "([^"]+)" SAVEDATE "([^"]+)"', line)
    assert found is not None
    assert b"1994" in found[1]
    assert b"1994" not in found[2]
    talk.say(b"c COPY 1 saved")
    assert b'INTERNALDATE " 8-Feb-1994 05:52:25 +0000"' in talk.say(b"d UID FETCH 2 (INTERNALDATE)")[0]


def test_status_counts(role: ImapRole) -> None:
    talk = selected(role, "counts", 3)
    talk.say(b"a STORE 1 FLAGS.SILENT (\\Deleted \\Seen)")
    put(talk, "counts", b"Subject: 99\r\n\r\n")
    other = role.signed_in()
    items = b"MESSAGES UNSEEN DELETED DELETED-STORAGE SIZE RECENT"
    (line, _) = other.say(b"b STATUS counts (%b)" % items)
    assert line == b"* STATUS counts (MESSAGES 4 UNSEEN 3 DELETED 1 DELETED-STORAGE 22 SIZE 81 RECENT 0)"
    talk.say(b"u UNSELECT")
    put(talk, "counts", b"A: b\r\n\r\n")
    assert other.say(b"c STATUS counts (RECENT)")[0] == b"* STATUS counts (RECENT 1)"


def test_new_mail_is_recent_for_one_session(role: ImapRole) -> None:
    one, two, three = (role.signed_in() for _ in range(3))
    one.say(b"c CREATE recent")
    put(one, "recent", b"A: 1\r\n\r\n", b"A: 2\r\n\r\n")
    assert b"* 2 RECENT" in three.say(b"a EXAMINE recent")
    assert b"* 2 RECENT" in one.say(b"b SELECT recent")
    assert b"* 0 RECENT" in two.say(b"c SELECT recent")
    assert one.say(b"d FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS (\\Recent))"
    assert two.say(b"e FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS ())"
    put(three, "recent", b"A: 3\r\n\r\n")
    assert two.say(b"f NOOP")[:2] == [b"* 3 EXISTS", b"* 1 RECENT"]
    assert one.say(b"g NOOP")[:2] == [b"* 3 EXISTS", b"g OK NOOP completed"]


def test_a_range_from_beyond_the_last_number_finds_nothing(role: ImapRole) -> None:
    talk = selected(role, "beyond", 2)
    assert talk.say(b"a SEARCH 3:*")[0] == b"* SEARCH"
    assert talk.say(b"b SEARCH 2:*")[0] == b"* SEARCH 2"
    assert talk.say(b"c UID SEARCH UID 9:*")[0] == b"* SEARCH 2"


def test_inbox_is_listed_whatever_its_case(role: ImapRole) -> None:
    talk = role.signed_in()
    for pattern in (b"inbox", b"InBoX*", b"iNBOX%"):
        assert talk.say(b'a LIST "" ' + pattern)[0] == b'* LIST (\\HasNoChildren) "/" INBOX'
