"""NOTIFY (RFC 5465): what happens in other mailboxes and in the selected one is told while no command runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole, Talk
from peers.imap_words import put

MESSAGES = b"MessageNew MessageExpunge"


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("notify")) as running:
        yield running


@pytest.fixture
def other(role: ImapRole) -> Iterator[Talk]:
    talk = role.signed_in()
    yield talk
    talk.close()


@pytest.fixture
def told(role: ImapRole) -> Iterator[Talk]:
    talk = role.signed_in()
    yield talk
    talk.close()


def asks(talk: Talk, words: bytes) -> list[bytes]:
    lines = talk.say(b"n NOTIFY " + words)
    assert lines[-1].startswith(b"n OK"), lines
    return lines[:-1]


def test_mail_in_another_mailbox_is_told_by_status(told: Talk, other: Talk) -> None:
    asks(told, b"SET (PERSONAL (%b))" % MESSAGES)
    put(other, "Archive", b"A: b\r\n\r\n")
    assert told.line().startswith(b"* STATUS Archive (MESSAGES 1 UIDNEXT 2 ")


def test_status_is_told_at_once_where_it_is_wanted(told: Talk) -> None:
    lines = asks(told, b"SET STATUS (MAILBOXES (Drafts Junk) (%b)) (PERSONAL NONE)" % MESSAGES)
    assert [line.split()[2] for line in lines] == [b"Drafts", b"Junk"]


def test_names_that_come_change_and_go(told: Talk, other: Talk) -> None:
    asks(told, b"SET (SUBTREE top (MailboxName))")
    other.say(b"a CREATE elsewhere")
    other.say(b"a CREATE top/one")
    assert [told.line(), told.line()] == [b'* LIST () "/" top\r\n', b'* LIST () "/" top/one\r\n']
    other.say(b"a RENAME top/one top/two")
    assert told.line() == b'* LIST () "/" top/two ("OLDNAME" (top/one))\r\n'
    other.say(b"a DELETE top/two")
    assert told.line() == b'* LIST (\\NonExistent) "/" top/two\r\n'


def test_subscriptions(told: Talk, other: Talk) -> None:
    asks(told, b"SET (PERSONAL (SubscriptionChange))")
    other.say(b"a SUBSCRIBE news")
    assert told.line() == b'* LIST (\\Subscribed) "/" news\r\n'
    other.say(b"a UNSUBSCRIBE news")
    assert told.line() == b'* LIST () "/" news\r\n'


def test_new_mail_of_the_selected_mailbox_comes_with_what_is_fetched_of_it(told: Talk, other: Talk) -> None:
    other.say(b"a CREATE selected")
    told.say(b"a SELECT selected")
    asks(told, b"SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))")
    put(other, "selected", b"Subject: s\r\n\r\nb")
    heard = [told.line() for _ in range(3)]
    assert heard[0] == b"* 1 EXISTS\r\n"
    assert heard[2] == b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {14}\r\nSubject: s\r\n\r\n)\r\n"
    other.say(b"a SELECT selected")
    other.say(b"a STORE 1 +FLAGS (\\Deleted)")
    assert told.line() == b"* 1 FETCH (UID 1 FLAGS (\\Recent \\Deleted))\r\n"
    other.say(b"a EXPUNGE")
    assert told.line() == b"* 1 EXPUNGE\r\n"


def test_delayed_expunges_wait_for_a_command_that_allows_them(told: Talk, other: Talk) -> None:
    other.say(b"a CREATE delayed")
    put(other, "delayed", b"A: 1\r\n\r\n")
    told.say(b"a SELECT delayed")
    asks(told, b"SET (SELECTED-DELAYED (%b))" % MESSAGES)
    other.say(b"a SELECT delayed")
    other.say(b"a STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.say(b"a EXPUNGE")
    put(other, "delayed", b"A: 2\r\n\r\n")
    heard = told.line()
    while b"EXISTS" not in heard:
        assert b"EXPUNGE" not in heard
        heard = told.line()
    assert heard == b"* 2 EXISTS\r\n"
    assert b"* 1 EXPUNGE" in told.say(b"a NOOP")


def test_none_ends_it_and_idle_tells_it_too(told: Talk, other: Talk) -> None:
    asks(told, b"SET (PERSONAL (MailboxName))")
    told.send(b"i IDLE\r\n")
    assert told.line().startswith(b"+")
    other.say(b"a CREATE idle")
    assert told.line() == b'* LIST () "/" idle\r\n'
    told.send(b"DONE\r\n")
    told.until(b"i")
    asks(told, b"NONE")
    other.say(b"a DELETE idle")
    assert told.say(b"a NOOP") == [b"a OK NOOP completed"]


def test_too_much_at_once_is_an_overflow_and_ends_it(told: Talk, other: Talk) -> None:
    for number in range(60):
        other.send(b"a CREATE tree/b%d/c/d/e/f/g/h/i/j\r\n" % number)
    made = [other.until(b"a") for _ in range(60)]
    assert all(lines[-1].startswith(b"a OK") for lines in made)
    asks(told, b"SET (PERSONAL (MailboxName))")
    other.say(b"a RENAME tree renamed")  # 541 names at once
    assert told.line().startswith(b"* OK [NOTIFICATIONOVERFLOW] ")
    other.say(b"a CREATE after-it")
    assert told.say(b"a NOOP") == [b"a OK NOOP completed"]
    asks(told, b"SET (PERSONAL (MailboxName))")
    other.say(b"a CREATE asked-anew")
    assert told.line() == b'* LIST () "/" asked-anew\r\n'


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (b"SET (PERSONAL (MessageNew))", b"BAD"),
        (b"SET (SELECTED (MailboxName))", b"BAD"),
        (b"SET (SELECTED NONE) (SELECTED-DELAYED NONE)", b"BAD"),
        (b"SET (PERSONAL (MessageNew (UID) MessageExpunge))", b"BAD"),
        (b"SET (PERSONAL (AnnotationChange))", b"NO [BADEVENT (MessageNew "),
        (b"SET (NOBODY NONE)", b"BAD"),
        (b"SET", b"BAD"),
    ],
)
def test_what_cannot_be_asked(told: Talk, words: bytes, answer: bytes) -> None:
    assert told.say(b"n NOTIFY " + words)[-1].startswith(b"n " + answer)
