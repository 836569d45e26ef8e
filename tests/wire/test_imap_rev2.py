"""IMAP4rev2 (RFC 9051), once enabled, and what an account can be kept from being offered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ANN, BOB, BOBS_OWN, ImapRole
from peers.imap_words import put, selected
from store import mailboxes
from store.stores import open_stores


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("rev2")) as running:
        yield running


def test_nothing_is_recent_and_select_names_the_folder(role: ImapRole) -> None:
    talk = selected(role, "select", 1)
    assert talk.say(b"a ENABLE IMAP4rev2")[0] == b"* ENABLED IMAP4rev2"
    put(talk, "select", b"A: b\r\n\r\n")
    assert not any(b"RECENT" in line for line in talk.say(b"b NOOP"))
    lines = talk.say(b"c SELECT select")
    assert lines[0].startswith(b"* OK [CLOSED] ")
    assert b'* LIST () "/" select' in lines
    assert not any(b"RECENT" in line for line in lines)
    assert talk.say(b"d FETCH 2 FLAGS")[0] == b"* 2 FETCH (FLAGS ())"


def test_search_answers_as_esearch(role: ImapRole) -> None:
    talk = selected(role, "search", 3, "IMAP4rev2")
    assert talk.say(b"a SEARCH ALL") == [b'* ESEARCH (TAG "a") ALL 1:3', b"a OK SEARCH completed"]
    assert talk.say(b"b UID SEARCH DELETED")[0] == b'* ESEARCH (TAG "b") UID'


def test_names_are_utf8(role: ImapRole) -> None:
    talk = role.signed_in()
    talk.say(b"a ENABLE IMAP4rev2")
    talk.say('b CREATE "Übung"'.encode())
    assert '* LIST () "/" "Übung"'.encode() in talk.say('c SELECT "Übung"'.encode())
    assert role.signed_in().say(b"d SELECT &ANw-bung")[-1].startswith(b"d OK")


def test_recent_is_searched_for_without_it(role: ImapRole) -> None:
    talk = selected(role, "recent", 2)
    put(talk, "recent", b"A: b\r\n\r\n", b"A: c\r\n\r\n")
    talk.say(b"a NOOP")
    talk.say(b"b STORE 4 +FLAGS.SILENT (\\Seen)")
    assert talk.say(b"c SEARCH RECENT")[0] == b"* SEARCH 3 4"
    assert talk.say(b"d SEARCH NEW")[0] == b"* SEARCH 3"
    assert talk.say(b"e SEARCH OLD")[0] == b"* SEARCH 1 2"


def test_a_capability_is_hidden_from_one_account(role: ImapRole) -> None:
    stores = open_stores(role.location)
    with stores.core.database.write() as tx:
        ann = mailboxes.by_address(tx, ANN)
        assert ann is not None
        assert mailboxes.hide_capabilities(tx, ann.project_id, ann.id, ["QRESYNC", "APPENDLIMIT"])
        assert not mailboxes.hide_capabilities(tx, ann.project_id + 1, ann.id, [])
    talk = role.signed_in()
    words = talk.say(b"a CAPABILITY")[0].split()
    assert b"QRESYNC" not in words
    assert not any(word.startswith(b"APPENDLIMIT") for word in words)
    assert b"CONDSTORE" in words
    assert talk.say(b"b ENABLE QRESYNC")[0] == b"* ENABLED"
    assert b"QRESYNC" in role.signed_in(BOB, BOBS_OWN).say(b"c CAPABILITY")[0].split()
    with stores.core.database.write() as tx:
        mailboxes.hide_capabilities(tx, ann.project_id, ann.id, [])
    stores.close()
