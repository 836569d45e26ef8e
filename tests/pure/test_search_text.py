"""SEARCH finds what a plain look at the decoded mail finds, and nothing else; made once, whatever the mail holds."""

from __future__ import annotations

import time
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imap.search import Mail, Place, Read, judge
from imap.wire import Request
from imap.wire_cursor import Cursor
from imap.wire_search import search_key
from mail.encoded_words import decoded
from mail.mime_index import index
from mail.mime_scan import scan
from mail.preview import preview
from mail.search_text import KEPT, fold, text_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLACE = Place(last_number=9, last_uid=90, saved=frozenset({30}), now=NOW)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=("Cc", "Zl", "Zp")))
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": b64encode,
    "quoted-printable": lambda octets: b2a_qp(octets, istext=False),
    "8bit": lambda octets: octets,
}


def finds(raw: bytes, key: str, **row: object) -> bool:
    asked = index(raw).asked
    mail = Mail(30, 3, Read.TEXT, header=asked.text.header, inner=asked.text.inner, keys=asked.keys.to_bytes())
    mail.text = text_of(raw) if asked.text.text is None else asked.text.text
    for name, value in row.items():
        setattr(mail, name, value)
    octets = key.encode()
    found = judge(search_key(Cursor(Request(octets, ())), "utf-8"), PLACE)(mail)
    assert found is not None
    return found


@settings(max_examples=150, deadline=None)
@given(text=WORDS, needle=WORDS.filter(bool), coding=st.sampled_from(sorted(CODINGS)), pick=st.integers(0, 20))
def test_words_are_found_where_a_plain_scan_finds_them(text: str, needle: str, coding: str, pick: int) -> None:
    if len(text) > pick:
        needle = text[pick : pick + 5]
    raw = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: " + coding.encode()
    raw += b"\r\n\r\n" + CODINGS[coding](text.encode())
    held = needle.casefold() in text.casefold()
    assert (fold(needle) in text_of(raw)) is held
    assert (fold(needle) in (index(raw).asked.text.text or b"")) is held


@settings(max_examples=150, deadline=None)
@given(subject=WORDS, needle=WORDS.filter(bool), pick=st.integers(0, 20))
def test_a_subject_is_found_in_however_many_encoded_words(subject: str, needle: str, pick: int) -> None:
    message = EmailMessage()
    message["Subject"] = subject = " ".join(subject.split())
    if len(subject) > pick:
        needle = subject[pick : pick + 5]
    header = index(message.as_bytes(policy=message.policy.clone(linesep="\r\n"))).asked.text.header
    value = header[len(b"\nsubject: ") : -1].decode()
    assert value == subject.casefold()
    assert (fold(needle) in fold(value)) is (needle.casefold() in subject.casefold())


RAW = (
    b"From: Ann <Ann@ours.test>\r\nTo: =?utf-8?q?B=C3=B6b?= <bob@ours.test>\r\nX-Long: one\r\n\ttwo\r\n"
    b"Subject: =?utf-8?b?0JvQsNCy?=\r\n =?utf-8?b?0LrQsA==?= open\r\nDate: Sat, 21 Nov 2026 23:30:00 -0500\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\npreamble\r\n'
    b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Gr=FC=DFe aus=\r\n Wien\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner one\r\n\r\nwithin\r\n"
    b'--b\r\nContent-Type: application/pdf; name="bill.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    b"c2VjcmV0\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ('BODY "grüsse"', True),
        ('BODY "GRÜSSE AUS WIEN"', True),
        ("BODY within", True),
        ("BODY inner", False),
        ("TEXT inner", True),
        ("TEXT bill.pdf", True),
        ("BODY secret", False),
        ("TEXT c2Vj", False),
        ("TEXT preamble", False),
        ('TEXT "subject: лавка open"', True),
        ('SUBJECT "ЛАВКА"', True),
        ("SUBJECT ann", False),
        ("FROM ours.test", True),
        ('TO "BÖB"', True),
        ("CC bob", False),
        ('HEADER X-Long "one two"', True),
        ('HEADER x-long ""', True),
        ('HEADER X-None ""', False),
        ("HEADER Content-Type multipart", True),
        ("NOT BODY wien", False),
        ("OR BODY nowhere SUBJECT open", True),
        ("(BODY wien NOT (CC x)) FROM ann", True),
        ("SENTON 21-Nov-2026", True),
        ("SENTBEFORE 21-Nov-2026", False),
        ("SENTSINCE 22-Nov-2026", False),
        ("ON 20-Nov-2026", True),
        ("BEFORE 20-Nov-2026", False),
        ("SINCE 20-Nov-2026", True),
        ("SAVEDON 21-Nov-2026", True),
        ("OLDER 86400", True),
        ("YOUNGER 86400", False),
        ("OLDER 4294967295", False),
        ("KEYWORD $LABEL1", True),
        ("UNKEYWORD $label", True),
        ("SEEN", True),
        ("UNDELETED", True),
        ("NEW", False),
        ("OLD", True),
        ("LARGER 99", True),
        ("LARGER 100", False),
        ("SMALLER 101", True),
        ("SMALLER 100", False),
        ("3", True),
        ("1:2,4:*", False),
        ("*:2", True),
        ("UID 30", True),
        ("UID 31:*", False),
        ("UID 90:29", True),
        ("$", True),
        ("NOT $", False),
        ("MODSEQ 7", True),
        ("MODSEQ 8", False),
        ('MODSEQ "/flags/\\\\draft" all 7', True),
        ("EMAILID M1", True),
        ("EMAILID m1", False),
        ("THREADID T1", True),
        ("SAVEDATESUPPORTED", True),
    ],
)
def test_every_key(key: str, found: bool) -> None:
    row = {
        "flags": "$Label1 \\Seen", "internaldate": datetime(2026, 11, 20, 9, tzinfo=UTC), "size_bytes": 100,
        "saved_at": NOW, "modseq": 7, "email_id": "M1", "thread_id": "T1",
    }  # fmt: skip
    assert finds(RAW, key, **row) is found


def test_nothing_is_told_of_what_was_not_read() -> None:
    def told(key: str, read: Read) -> bool | None:
        mail = Mail(30, 3, read, header=b"\nsubject: x\n")
        return judge(search_key(Cursor(Request(key.encode(), ())), "utf-8"), PLACE)(mail)

    assert told("SEEN", Read.PLACE) is told("SUBJECT x", Read.ROW) is told("BODY x", Read.HEADER) is None
    assert told("TEXT x", Read.HEADER) is True
    assert told("BODY x 4", Read.PLACE) is False
    assert told("OR BODY x 3", Read.PLACE) is True
    assert told("NOT OR BODY x 3", Read.PLACE) is False
    assert told("SUBJECT x BODY y", Read.HEADER) is None


def test_a_long_text_is_not_kept_but_found() -> None:
    raw = b"Subject: long\r\n\r\n" + b"word " * (KEPT // 4) + b"End"
    assert index(raw).asked.text.text is None
    assert finds(raw, "BODY end")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?a_b?= =?utf-8?q?c?=", "a bc"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        ("=?iso-8859-1?q?=FC?= =?utf-8?b?w7w=?= x", "üü x"),
        ("=?utf-8*de?q?a?=b", "ab"),
        ("=?none?q?a?=", "a"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("a =?utf-8?b?!?= b", "a  b"),
    ],
)
def test_encoded_words(value: str, words: str) -> None:
    assert decoded(value) == words


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"Subject: x\r\n\r\n  Hello\r\n\r\n there ", "Hello there"),
        (b"Content-Type: text/html\r\n\r\n<style>p {}</style><p>Hi &amp; <b>you</b><!-- no --></p>", "Hi & you"),
        (RAW, "Grüße aus Wien"),
        (b"Content-Type: image/png\r\n\r\nx", ""),
        (b"Subject: x\r\n\r\n" + b"word " * 100, ("word " * 40).strip()),
    ],
)
def test_previews(raw: bytes, words: str) -> None:
    assert preview(raw, scan(raw)) == words


def test_hostile_mails_take_no_time() -> None:
    began = time.process_time()
    for hostile in (
        b"Subject: " + b"=?utf-8?q?a?= " * 9000 + b"\r\n\r\n",
        b"Subject: " + b"=?" * 90_000 + b"\r\n\r\n",
        b"References: " + b"<" * 90_000 + b"\r\n\r\n",
        b"Content-Type: text/html\r\n\r\n" + b"<style>" * 9000 + b"<!--" * 9000,
        b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+AGE-" * 9000,
    ):
        index(hostile)
    assert time.process_time() - began < 4
