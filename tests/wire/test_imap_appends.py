"""MULTIAPPEND (RFC 3502), BINARY (RFC 3516), REPLACE (RFC 8508) and UTF8=ACCEPT (RFC 6855): mail on its way in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole, Talk
from peers.imap_words import selected

MAIL = b"Subject: one\r\n\r\none\r\n"
PARTS = (
    b"Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"zero \x00 high \xff\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 =\r\nlong\r\n"
    b"--b\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nwhatever\r\n--b--\r\n"
)


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    limits = {"message_bytes": 1024 * 1024}
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("appends"), limits=limits) as running:
        yield running


def literal(octets: bytes, binary: bool = False) -> bytes:
    return b"%b{%d+}\r\n%b" % (b"~" if binary else b"", len(octets), octets)


def count(talk: Talk, folder: bytes) -> int:
    found = re.search(rb"MESSAGES (\d+)", talk.say(b"n STATUS %b (MESSAGES)" % folder)[0])
    assert found is not None
    return int(found[1])


# --- MULTIAPPEND ----------------------------------------------------------------------------------------------


def test_several_mails_in_one_append_with_flags_and_dates(role: ImapRole) -> None:
    talk = selected(role, "multi", 0)
    date = b'"07-Feb-1994 21:52:25 -0800"'
    answer = talk.say(b"a APPEND multi (\\Seen) %b %b (x) %b %b" % (date, *[literal(MAIL)] * 2, literal(b"A: b\r\n")))
    assert re.fullmatch(rb"a OK \[APPENDUID \d+ 1:3\] APPEND completed", answer[-1])
    lines = talk.say(b"b FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)")
    assert lines[0].startswith(b'* 1 FETCH (FLAGS (\\Recent \\Seen) INTERNALDATE " 8-Feb-1994 05:52:25 +0000"')
    assert lines[1].startswith(b"* 2 FETCH (FLAGS (\\Recent x) INTERNALDATE")
    assert lines[2].endswith(b"RFC822.SIZE 6)")


@pytest.mark.parametrize(
    ("second", "condition"),
    [(literal(b""), b"NO"), (literal(b"a\0b"), b"NO"), (b"(\\Nonsense) " + literal(MAIL), b"BAD")],
)
def test_where_one_mail_is_refused_none_is_kept(role: ImapRole, second: bytes, condition: bytes) -> None:
    talk = role.signed_in()
    before = count(talk, b"INBOX")
    assert talk.say(b"a APPEND INBOX " + literal(MAIL) + b" " + second)[-1].startswith(b"a " + condition)
    assert count(talk, b"INBOX") == before


def test_the_literals_of_one_append_have_a_limit_together(role: ImapRole) -> None:
    talk = role.signed_in()
    before = count(talk, b"INBOX")
    large = literal(b"A: b\r\n\r\n" + b"x" * 900_000)
    answer = talk.say(b"a APPEND INBOX %b %b %b" % (large, large, large))
    assert answer[-1].startswith(b"a NO [TOOBIG] ")
    assert count(talk, b"INBOX") == before


# --- BINARY ---------------------------------------------------------------------------------------------------


def test_binary_mail_is_kept_as_lines_and_read_as_it_was(role: ImapRole) -> None:
    talk = selected(role, "binary", 0)
    assert talk.say(b"a APPEND binary " + literal(PARTS, binary=True))[-1].startswith(b"a OK")
    (whole, _) = talk.say(b"b FETCH 1 BODY.PEEK[]")
    assert b"\0" not in whole
    assert b"Content-Transfer-Encoding: base64\r\n" in whole
    assert talk.say(b"c FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])")[0] == (
        b"* 1 FETCH (BINARY.SIZE[1] 13 BINARY[1] ~{13}\r\nzero \x00 high \xff)"
    )
    assert talk.say(b"d FETCH 1 BINARY.PEEK[1]<5.1>")[0] == b"* 1 FETCH (BINARY[1]<5> ~{1}\r\n\x00)"
    (text, _) = talk.say(b"e FETCH 1 (FLAGS BINARY[2])")
    assert text == b"* 1 FETCH (FLAGS (\\Recent \\Seen) BINARY[2] ~{10}\r\ncaf\xc3\xa9 long)"
    assert talk.say(b"g FETCH 1 BINARY.PEEK[3]")[-1].startswith(b"g NO [UNKNOWN-CTE] ")
    assert (
        talk.say(b"h FETCH 1 (BINARY.PEEK[9] BINARY.SIZE[9])")[0] == b"* 1 FETCH (BINARY[9] ~{0}\r\n BINARY.SIZE[9] 0)"
    )
    assert talk.say(b"i FETCH 1 BINARY[1.MIME]")[-1].startswith(b"i BAD")


def test_what_holds_others_is_read_with_its_leaves_decoded(role: ImapRole) -> None:
    talk = selected(role, "leaves", 0)
    mail = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\ncontent-transfer-encoding:\r\n base64\r\nA: b\r\n\r\naGk=\r\n"
        b"--b\r\n\r\nplain\r\n--b--\r\n"
    )
    talk.say(b"a APPEND leaves " + literal(mail))
    want = mail.replace(
        b"content-transfer-encoding:\r\n base64\r\nA: b\r\n", b"A: b\r\nContent-Transfer-Encoding: binary\r\n"
    )
    want = want.replace(b"aGk=", b"hi")
    assert talk.say(b"b FETCH 1 (BINARY.SIZE[] BINARY.PEEK[])")[0] == (
        b"* 1 FETCH (BINARY.SIZE[] %d BINARY[] ~{%d}\r\n%b)" % (len(want), len(want), want)
    )


def test_nul_is_refused_where_no_encoding_allows_it(role: ImapRole) -> None:
    talk = role.signed_in()
    assert talk.say(b"a APPEND INBOX " + literal(b"A: b\r\n\r\n\0"))[-1].startswith(b"a NO")
    answer = talk.say(b"b APPEND INBOX " + literal(b"A: b\r\n\r\n\0", binary=True))
    assert answer[-1].startswith(b"b NO [UNKNOWN-CTE]")


# --- REPLACE --------------------------------------------------------------------------------------------------


def test_replace_puts_the_new_mail_where_the_old_one_was_told_first(role: ImapRole) -> None:
    talk, other = selected(role, "draft", 3), role.signed_in()
    other.say(b"s SELECT draft")
    lines = talk.say(b"a REPLACE 2 draft (\\Draft) " + literal(MAIL))
    assert re.fullmatch(rb"\* OK \[APPENDUID \d+ 4\] the new one", lines[0])
    assert lines[1:] == [b"* 2 EXPUNGE", b"* 3 EXISTS", b"* 1 RECENT", b"a OK REPLACE completed"]
    assert other.say(b"b NOOP")[:2] == [b"* 2 EXPUNGE", b"* 3 EXISTS"]
    assert talk.say(b"c FETCH 3 (UID FLAGS)")[0] == b"* 3 FETCH (UID 4 FLAGS (\\Recent \\Draft))"
    assert talk.say(b"d UID REPLACE 4 INBOX " + literal(MAIL))[1] == b"* 3 EXPUNGE"


def test_replace_of_what_is_gone_files_nothing(role: ImapRole) -> None:
    talk, other = selected(role, "gone", 2), role.signed_in()
    other.say(b"s SELECT gone")
    talk.say(b"a STORE 1 +FLAGS.SILENT (\\Deleted)")
    talk.say(b"b EXPUNGE")
    assert other.say(b"c REPLACE 1 gone " + literal(MAIL))[-1].startswith(b"c NO [EXPUNGEISSUED]")
    assert other.say(b"d REPLACE 9 gone " + literal(MAIL))[-1].startswith(b"d BAD")
    assert other.say(b"e UID REPLACE 1 gone " + literal(MAIL))[-1].startswith(b"e NO [EXPUNGEISSUED]")
    assert other.say(b"f REPLACE 1 nowhere " + literal(MAIL))[-1].startswith(b"f NO [TRYCREATE]")
    assert count(other, b"gone") == 1


# --- UTF8 -----------------------------------------------------------------------------------------------------


def test_utf8_names_and_mails_once_enabled(role: ImapRole) -> None:
    talk = role.signed_in()
    mail = "Subject: café\r\n\r\nx\r\n".encode()
    assert talk.say(b"a APPEND INBOX UTF8 (" + literal(mail, binary=True) + b")")[-1].startswith(b"a BAD")
    assert talk.say(b"b ENABLE UTF8=ACCEPT")[0] == b"* ENABLED UTF8=ACCEPT"
    assert talk.say('c CREATE "Entwürfe & mehr"'.encode())[-1].startswith(b"c OK [MAILBOXID (")
    assert '* LIST (\\HasNoChildren) "/" "Entwürfe & mehr"'.encode() in talk.say(b'd LIST "" *')
    append = 'e APPEND "Entwürfe & mehr" UTF8 ('.encode() + literal(mail, binary=True) + b")"
    assert talk.say(append)[-1].startswith(b"e OK [APPENDUID ")
    talk.say('f SELECT "Entwürfe & mehr"'.encode())
    assert mail in talk.say(b"g FETCH 1 BODY.PEEK[]")[0]
    other = role.signed_in()
    assert b'* LIST (\\HasNoChildren) "/" "Entw&APw-rfe &- mehr"' in other.say(b'h LIST "" *')
