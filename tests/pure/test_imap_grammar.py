"""What commands say is read as RFC 3501 has it, and whatever else is said is MalformedError and nothing worse."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imap import wire_text
from imap.answer import MalformedError, RefusedError
from imap.commands.table import COMMANDS
from imap.listing import matches
from imap.wire import Request
from imap.wire_cursor import Cursor
from imap.wire_fetch import Item, Octets, Section, fetch_attributes
from imap.wire_search import All, Dated, Day, Either, Field, HasFlag, Not, Numbers, Size, When, Words, search_key
from mail import mutf7


def at(line: bytes, *literals: bytes) -> Cursor:
    return Cursor(Request(line, literals))


def test_strings_atoms_and_literals() -> None:
    cursor = at(b'"a \\"quoted\\\\ one" atom {3}\r\n NIL "NIL" nil')
    assert cursor.string() == b'a "quoted\\ one'
    cursor.space()
    assert cursor.astring() == b"atom"
    cursor = at(b'{3}\r\n NIL "NIL" nil', b"x\r\ny")
    assert cursor.astring() == b"x\r\ny"
    cursor.space()
    assert cursor.nstring() is None
    cursor.space()
    assert cursor.nstring() == b"NIL"
    cursor.space()
    assert cursor.astring() == b"nil"
    cursor.end()


@pytest.mark.parametrize("line", [b'"open', b'"bad \\x"', b'"\x00"', b"", b"{3}", b"(", b"\xff"])
def test_what_is_no_string(line: bytes) -> None:
    with pytest.raises(MalformedError):
        at(line).astring()


def test_sets_dates_and_flags() -> None:
    assert at(b"1,3:*,*:7,2:4").sequence_set() == ((1, 1), (3, 0), (0, 7), (2, 4))
    assert at(b'"01-Feb-2026"').date() == at(b"1-feb-2026").date() == date(2026, 2, 1)
    assert at(b'" 1-Feb-2026 10:00:00 +0330"').date_time() == datetime(2026, 2, 1, 6, 30, tzinfo=UTC)
    assert at(b"(\\Seen $Label1 a.b)").flag_list() == ["\\Seen", "$Label1", "a.b"]
    assert at(b"()").flag_list() == []
    for bad in (b"0", b"1:0", b"1,", b",1", b"1:2:3", b"99999999999", b"a"):
        with pytest.raises(MalformedError):
            at(bad).sequence_set()
    for bad in (b'"31-Feb-2026 10:00:00 +0000"', b'"01-Foo-2026 10:00:00 +0000"', b'"01-Feb-2026 25:00:00 +0000"'):
        with pytest.raises(MalformedError):
            at(bad).date_time()


def test_mailbox_names() -> None:
    assert at(b"inbox").mailbox() == "INBOX"
    assert at(b'"iNbOx/sub"').mailbox() == "INBOX/sub"
    assert at(b"Gr&APYA3w-e").mailbox() == "Größe"
    for bad in (b"&", b"&AGE-", b"&AP", b"&AP*-", b"\xc3\xa9"):
        with pytest.raises(RefusedError):
            at(b'"' + bad + b'"').mailbox()
    assert at(b"&broken").list_mailbox() == "\0"  # a pattern that finds nothing


@settings(max_examples=80)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_name_comes_back_from_modified_utf7(name: str) -> None:
    assert mutf7.decode(mutf7.encode(name)) == name
    assert mutf7.encode(name).isascii()


def test_fetch_attributes() -> None:
    assert fetch_attributes(at(b"ALL")) == (Item.FLAGS, Item.INTERNALDATE, Item.SIZE, Item.ENVELOPE)
    assert fetch_attributes(at(b"(uid Flags UID)")) == (Item.UID, Item.FLAGS)
    assert fetch_attributes(at(b"BODY")) == (Item.BODY,)
    assert fetch_attributes(at(b"BODY[]")) == (Octets(Section((), b""), True, b"BODY[]"),)
    assert fetch_attributes(at(b"body.peek[1.2.mime]<0.100>")) == (
        Octets(Section((1, 2), b"MIME"), False, b"BODY[1.2.MIME]<0>", 0, 100),
    )
    assert fetch_attributes(at(b'BODY[HEADER.FIELDS.NOT ("Subject" x)]')) == (
        Octets(Section((), b"HEADER.FIELDS.NOT", (b"Subject", b"x")), True, b"BODY[HEADER.FIELDS.NOT (Subject x)]"),
    )
    assert fetch_attributes(at(b"RFC822.HEADER")) == (Octets(Section((), b"HEADER"), False, b"RFC822.HEADER"),)
    for bad in (b"(ALL)", b"BODY[MIME]", b"BODY[0]", b"BODY[1.]", b"BODY[]<1>", b"BODY[]<1.0>", b"NOSUCH", b"BODY["):
        with pytest.raises(MalformedError):
            fetch_attributes(at(bad))


def test_search_keys() -> None:
    assert search_key(at(b"SEEN"), "utf-8") == All((HasFlag("\\seen"),))
    assert search_key(at(b"OR UNSEEN (FROM ann LARGER 10) NOT 1:3"), "utf-8") == All(
        (
            Either(Not(HasFlag("\\seen")), All((Field("FROM", "ann"), Size(True, 10)))),
            Not(Numbers(((1, 3),), are_uids=False)),
        )
    )
    assert search_key(at(b'HEADER X-Spam "" UID 5:* SENTSINCE 1-Feb-2026 TEXT {4}\r\n', "ßü".encode()), "utf-8") == All(
        (
            Field("X-Spam", ""),
            Numbers(((5, 0),), are_uids=True),
            Dated(When.SINCE, date(2026, 2, 1), Day.SENT),
            Words("ßü", everywhere=True),
        )
    )
    for bad in (b"", b"NOT", b"OR SEEN", b"()", b"(SEEN", b"LARGER x", b"NOSUCH", b'SUBJECT "\xff"', b"SEEN  SEEN"):
        with pytest.raises(MalformedError):
            search_key(at(bad), "utf-8")


@pytest.mark.parametrize("line", [b"NOT " * 30 + b"ALL", b"(" * 30 + b"ALL" + b")" * 30, b"ALL " * 600 + b"ALL"])
def test_search_does_not_nest_without_end(line: bytes) -> None:
    with pytest.raises(MalformedError, match="nested deeper"):
        search_key(at(line), "utf-8")


def test_list_patterns() -> None:
    assert matches("*", "a/b/c")
    assert matches("%", "a")
    assert not matches("%", "a/b")
    assert matches("%/%", "a/b")
    assert matches("a*c", "abc/abc")
    assert not matches("a%c", "ab/c")
    assert matches("a/%c", "a/bc")
    assert not matches("", "a")
    assert not matches("*%*%*%*%*%*%*%*%*%*b" * 40, "a" * 200)


def test_strings_are_written_so_that_they_are_read_again() -> None:
    for octets in (b"", b"plain", b'with "quotes" and \\', b"line\r\nends", b"\xff", b"NIL", b"x" * 2000):
        for written in (wire_text.string(octets), wire_text.astring(octets)):
            head, _, literal = written.partition(b"\r\n")
            cursor = at(head + b"\r\n", literal) if written.startswith(b"{") else at(written)
            assert cursor.astring() == octets


def test_uid_sets_keep_their_order() -> None:
    assert wire_text.uid_set([1, 2, 3, 7, 5, 6]) == b"1:3,7,5:6"


WORDS = st.sampled_from(
    [b" ", b"(", b")", b'"', b"\\", b"{1}\r\n", b"[", b"]", b"<0.1>", b"1:*", b"*", b"1", b"a", b"NIL", b"BODY", b"OR",
     b"NOT", b"HEADER", b"RETURN", b"USE", b"FLAGS", b"\\Seen", b"INBOX", b"=", b"1-Feb-2026", b"&", b"%", b"\xff"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.sampled_from(sorted(COMMANDS)), st.lists(WORDS | st.binary(max_size=4), max_size=12))
def test_no_arguments_of_any_command_raise_anything_else(name: bytes, words: list[bytes]) -> None:
    line = b" " + b" ".join(words)
    parse: Callable[[Cursor], Any] = COMMANDS[name].parse
    literals = [b"x"] * line.count(b"{1}\r\n")
    with contextlib.suppress(MalformedError, RefusedError):
        parse(at(line, *literals))
