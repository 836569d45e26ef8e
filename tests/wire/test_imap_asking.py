"""SEARCH, SORT and THREAD as clients see them: transcripts of RFC 4731, 5182, 5256, 5267 on one small folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole, Talk

# number: (subject, from, day of November, id, references, words)
MAILS = (
    ("b offer", "Zoe <zoe@a.test>", 5, "1", "", "first words"),
    ("Re: b offer", "anna@a.test", 3, "2", "<1@x>", "second words"),
    ("A note", "Max <bert@a.test>", 9, "3", "", "Grüße"),
    ("[list] Re: b offer", "Carl <carl@a.test>", 7, "4", "<1@x> <2@x>", "fourth " + "long " * 100),
)


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("asking")) as running:
        client = running.client()
        for number, (subject, author, day, identity, references, words) in enumerate(MAILS, 1):
            raw = (
                f"Subject: {subject}\r\nFrom: {author}\r\nTo: ann@ours.test\r\nDate: {day} Nov 2026 10:00:00 +0000\r\n"
                f"Message-ID: <{identity}@x>\r\nReferences: {references}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"\r\n{words}\r\n"
            )
            flags = r"(\Seen)" if number == 2 else None
            client.append("INBOX", flags, f'"{10 + number}-Nov-2026 10:00:00 +0000"', raw.encode())
        client.append("Archive", None, None, b"Subject: gone\r\n\r\n")
        client.select("Archive")
        client.store("1", "+FLAGS", r"\Deleted")
        client.expunge()
        client.select("INBOX")  # UIDs are one more than numbers from here on
        client.append("INBOX", r"(\Deleted)", None, b"Subject: to go\r\n\r\n")
        client.uid("MOVE", "1", "Archive")
        client.uid("MOVE", "5", "Archive")
        client.select("Archive")
        client.copy("1", "INBOX")
        client.logout()
        yield running


@pytest.fixture
def talk(role: ImapRole) -> Iterator[Talk]:
    """INBOX holds UIDs 2, 3, 4 (the mails of MAILS by their place) and 6, which is the first of them."""
    made = role.signed_in()
    made.say(b"s EXAMINE INBOX")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("command", "answers"),
    [
        ("SEARCH ALL", ["* SEARCH 1 2 3 4"]),
        ("UID SEARCH ALL", ["* SEARCH 2 3 4 6"]),
        ("SEARCH SUBJECT offer UNSEEN", ["* SEARCH 3 4"]),
        ("SEARCH TEXT nowhere", ["* SEARCH"]),
        ('SEARCH CHARSET UTF-8 BODY "grÜSSE"', ["* SEARCH 2"]),
        ("UID SEARCH UID 3:5", ["* SEARCH 3 4"]),
        ("SEARCH RETURN () ALL", ['* ESEARCH (TAG "x") ALL 1:4']),
        ("UID SEARCH RETURN (ALL) ALL", ['* ESEARCH (TAG "x") UID ALL 2:4,6']),
        ("SEARCH RETURN (MIN MAX COUNT) SUBJECT offer", ['* ESEARCH (TAG "x") MIN 1 MAX 4 COUNT 3']),
        ("UID SEARCH RETURN (MAX) 1:2", ['* ESEARCH (TAG "x") UID MAX 3']),
        ("SEARCH RETURN (MIN COUNT ALL) TEXT nowhere", ['* ESEARCH (TAG "x") COUNT 0']),
        ("SEARCH RETURN (MIN MAX ALL) TEXT nowhere", ['* ESEARCH (TAG "x")']),
        ("SORT (SUBJECT) UTF-8 ALL", ["* SORT 2 1 3 4"]),
        ("SORT (REVERSE SUBJECT DATE) UTF-8 ALL", ["* SORT 1 4 3 2"]),
        ("UID SORT (REVERSE DATE) US-ASCII ALL", ["* SORT 3 4 6 2"]),
        ("SORT (ARRIVAL) UTF-8 ALL", ["* SORT 4 1 2 3"]),
        ("SORT (FROM) UTF-8 ALL", ["* SORT 1 2 3 4"]),
        ("SORT (DISPLAYFROM) UTF-8 ALL", ["* SORT 1 3 2 4"]),
        ("SORT (SIZE) UTF-8 1:3", ["* SORT 2 1 3"]),
        ("SORT (TO REVERSE CC) UTF-8 ALL", ["* SORT 1 2 3 4"]),
        ("SORT (DATE) UTF-8 TEXT nowhere", ["* SORT"]),
        ("UID SORT RETURN (MIN MAX COUNT ALL) (DATE) UTF-8 ALL",
         ['* ESEARCH (TAG "x") UID MIN 2 MAX 3 COUNT 4 ALL 2,6,4,3']),
        ("THREAD ORDEREDSUBJECT UTF-8 ALL", ["* THREAD (1 (4)(3))(2)"]),
        ("UID THREAD REFERENCES UTF-8 ALL", ["* THREAD (6 2 4)(3)"]),
        ("THREAD REFERENCES UTF-8 UNSEEN", ["* THREAD (4 3)(2)"]),
        ("THREAD REFERENCES UTF-8 TEXT nowhere", ["* THREAD "]),
    ],
)  # fmt: skip
def test_transcripts(talk: Talk, command: str, answers: list[str]) -> None:
    said = talk.say(b"x " + command.encode())
    verb = command.removeprefix("UID ").split(" ")[0]
    assert [line.decode() for line in said] == [*answers, f"x OK {verb} completed"]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("SEARCH CHARSET KOI8-R ALL", "x NO [BADCHARSET (US-ASCII UTF-8)]"),
        ("SORT (DATE) KOI8-R ALL", "x NO [BADCHARSET (US-ASCII UTF-8)]"),
        ("THREAD REFERENCES KOI8-R ALL", "x NO [BADCHARSET (US-ASCII UTF-8)]"),
        ('SEARCH CHARSET US-ASCII SUBJECT "ü"', "x BAD"),
        ("SEARCH RETURN (NONE) ALL", "x BAD"),
        ("SEARCH RETURN (ALL)", "x BAD"),
        ("SEARCH", "x BAD"),
        ("SORT () UTF-8 ALL", "x BAD"),
        ("SORT (REVERSE) UTF-8 ALL", "x BAD"),
        ("SORT (COLOUR) UTF-8 ALL", "x BAD"),
        ("SORT (" + "DATE " * 30 + "DATE) UTF-8 ALL", "x BAD"),
        ("THREAD REFS UTF-8 ALL", "x BAD"),
        ("THREAD REFERENCES ALL", "x NO"),
    ],
)
def test_what_is_no_question(talk: Talk, command: str, answer: str) -> None:
    (said,) = talk.say(b"x " + command.encode())
    assert said.decode().startswith(answer)


def test_what_a_search_saved_stands_for_its_mails(talk: Talk) -> None:
    assert talk.say(b"a FETCH $ UID") == [b"a OK FETCH completed"]
    assert talk.say(b"b SEARCH RETURN (SAVE) SUBJECT offer") == [b"b OK SEARCH completed"]
    assert talk.say(b"c FETCH $ UID") == [
        b"* 1 FETCH (UID 2)", b"* 3 FETCH (UID 4)", b"* 4 FETCH (UID 6)", b"c OK FETCH completed",
    ]  # fmt: skip
    assert talk.say(b"d UID SEARCH RETURN (ALL) $ SEEN")[0] == b'* ESEARCH (TAG "d") UID ALL 2'
    assert talk.say(b"e SEARCH RETURN (SAVE MIN MAX) $")[0] == b'* ESEARCH (TAG "e") MIN 1 MAX 4'
    assert talk.say(b"f SEARCH NOT $")[0] == b"* SEARCH 2 3"
    assert talk.say(b"g SEARCH RETURN (SAVE COUNT MIN) ALL")[0] == b'* ESEARCH (TAG "g") MIN 1 COUNT 4'
    assert talk.say(b"h SEARCH $")[0] == b"* SEARCH 1 2 3 4"
    assert talk.say(b"i UID SORT RETURN (SAVE MIN) (DATE) UTF-8 ALL")[0] == b'* ESEARCH (TAG "i") UID MIN 2'
    assert talk.say(b"j UID SEARCH $")[0] == b"* SEARCH 2"
    talk.say(b"s EXAMINE INBOX")
    assert talk.say(b"k SEARCH $")[0] == b"* SEARCH"


def test_a_search_that_fails_saves_nothing_where_it_was_to_save(talk: Talk) -> None:
    talk.say(b"a SEARCH RETURN (SAVE) ALL")
    assert talk.say(b"b SEARCH CHARSET LATIN-0 ALL")[-1].startswith(b"b NO [BADCHARSET ")
    assert talk.say(b"c SEARCH RETURN (SAVE) COLOUR")[-1].startswith(b"c BAD")
    assert talk.say(b"d SEARCH $")[0] == b"* SEARCH 1 2 3 4"
    assert talk.say(b"e SEARCH RETURN (SAVE) CHARSET LATIN-0 ALL")[-1].startswith(b"e NO [BADCHARSET ")
    assert talk.say(b"f SEARCH $")[0] == b"* SEARCH"


def test_no_charset_is_named_once_all_is_utf8(talk: Talk) -> None:
    talk.say(b"a ENABLE UTF8=ACCEPT")
    assert talk.say(b"b SEARCH CHARSET UTF-8 ALL")[-1].startswith(b"b BAD")
    assert talk.say(b"c SEARCH ALL")[0] == b"* SEARCH 1 2 3 4"
