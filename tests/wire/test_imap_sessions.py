"""What sessions on one folder hear of each other, in which order, and what is said to pipelined commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ImapRole, Talk


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("sessions")) as running:
        yield running


def append(talk: Talk, folder: str, count: int = 1) -> None:
    for number in range(count):
        mail = b"Subject: %d\r\n\r\nbody\r\n" % number
        assert talk.say(b"a APPEND %b {%d+}\r\n%b" % (folder.encode(), len(mail), mail))[-1].startswith(b"a OK")


@pytest.fixture
def pair(role: ImapRole, request: pytest.FixtureRequest) -> Iterator[tuple[Talk, Talk]]:
    """Two sessions of Ann with the same folder of five mails selected."""
    name = request.node.name
    one, other = role.signed_in(), role.signed_in()
    assert one.say(f"c CREATE {name}".encode())[-1].startswith(b"c OK [MAILBOXID (")
    append(one, name, 5)
    one.say(f"r SELECT {name}".encode())  # from here on none of them is \\Recent
    for talk in (one, other):
        assert talk.say(f"s SELECT {name}".encode())[-1] == b"s OK [READ-WRITE] SELECT completed"
    yield one, other
    one.close()
    other.close()


def test_no_expunge_is_told_during_fetch_store_and_search(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.say(b"a STORE 2 +FLAGS.SILENT (\\Deleted)")
    assert one.say(b"b EXPUNGE") == [b"* 2 EXPUNGE", b"b OK EXPUNGE completed"]
    answers = other.say(b"f FETCH 1:5 UID")
    assert [line for line in answers if line.endswith(b" EXPUNGE")] == []
    assert answers[-1] == b"f OK [EXPUNGEISSUED] FETCH completed"
    assert other.say(b"g FETCH 3 UID")[0] == b"* 3 FETCH (UID 3)"  # 3 is still 3
    assert not any(b"EXPUNGE" in line for line in other.say(b"h STORE 3 +FLAGS (\\Seen)"))
    assert other.say(b"i SEARCH SEEN") == [b"* SEARCH 3", b"i OK SEARCH completed"]
    assert other.say(b"j NOOP") == [b"* 2 EXPUNGE", b"j OK NOOP completed"]
    assert other.say(b"k SEARCH SEEN") == [b"* SEARCH 2", b"k OK SEARCH completed"]


def test_uid_commands_may_tell_of_expunge(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.say(b"a STORE 5,1 +FLAGS.SILENT (\\Deleted)")
    assert one.say(b"b EXPUNGE")[:2] == [b"* 5 EXPUNGE", b"* 1 EXPUNGE"]
    lines = other.say(b"c UID FETCH 3 UID")
    assert lines == [
        b"* 3 FETCH (UID 3)", b"* 5 EXPUNGE", b"* 1 EXPUNGE", b"c OK FETCH completed",
    ]  # fmt: skip


def test_flags_and_new_mail_of_another_session_come_with_the_next_command(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.say(b"a STORE 2 FLAGS (\\Flagged \\Seen)")
    append(one, "test_flags_and_new_mail_of_another_session_come_with_the_next_command")
    assert other.say(b"b NOOP") == [
        b"* 6 EXISTS", b"* 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen))", b"b OK NOOP completed",
    ]  # fmt: skip
    assert other.say(b"c NOOP") == [b"c OK NOOP completed"]


def test_who_changed_flags_is_not_told_twice_nor_at_all_when_silent(pair: tuple[Talk, Talk]) -> None:
    one, _ = pair
    assert one.say(b"a STORE 1 +FLAGS (\\Seen)") == [b"* 1 FETCH (FLAGS (\\Seen))", b"a OK STORE completed"]
    assert one.say(b"b STORE 1 +FLAGS.SILENT (\\Flagged)") == [b"b OK STORE completed"]
    assert one.say(b"c UID STORE 1 -FLAGS \\Seen") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Flagged))", b"c OK STORE completed",
    ]  # fmt: skip
    assert one.say(b"d NOOP") == [b"d OK NOOP completed"]


def test_a_silent_store_does_not_hide_what_another_session_changed(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    other.say(b"a STORE 1 +FLAGS.SILENT (\\Seen)")
    assert one.say(b"b STORE 1 +FLAGS.SILENT (\\Draft)")[0] == b"* 1 FETCH (UID 1 FLAGS (\\Draft \\Seen))"
    assert one.say(b"c STORE 1 +FLAGS.SILENT (\\Flagged)") == [b"c OK STORE completed"]
    assert other.say(b"d NOOP")[0] == b"* 1 FETCH (UID 1 FLAGS (\\Draft \\Flagged \\Seen))"


def test_a_folder_made_again_is_another_one(role: ImapRole) -> None:
    talk = role.signed_in()
    talk.say(b"c CREATE fresh")
    append(talk, "fresh", 3)
    talk.say(b"s SELECT fresh")
    talk.say(b"u UNSELECT")
    talk.say(b"d DELETE fresh")
    talk.say(b"c CREATE fresh")
    append(talk, "fresh", 3)
    assert b"* 3 RECENT" in talk.say(b"s SELECT fresh")


def test_examine_changes_nothing(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    name = b"test_examine_changes_nothing"
    assert b"* OK [PERMANENTFLAGS ()] flags that stay" in one.say(b"e EXAMINE " + name)
    assert one.say(b"f FETCH 1 BODY[TEXT]") == [b"* 1 FETCH (BODY[TEXT] {6}\r\nbody\r\n)", b"f OK FETCH completed"]
    assert one.say(b"g STORE 1 +FLAGS (\\Seen)")[-1].startswith(b"g NO [READ-ONLY]")
    assert one.say(b"h EXPUNGE")[-1].startswith(b"h NO [READ-ONLY]")
    assert one.say(b"i MOVE 1 INBOX")[-1].startswith(b"i NO [READ-ONLY]")
    assert other.say(b"j FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS ())"


def test_copy_and_move_tell_the_new_uids(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    assert one.say(b"c COPY 1:2 nowhere")[-1].startswith(b"c NO [TRYCREATE]")
    one.say(b"d CREATE target")
    copied = one.say(b"e COPY 1,3:4 target")[-1]
    assert copied.startswith(b"e OK [COPYUID ")
    assert copied.endswith(b" 1,3:4 1:3] COPY completed")
    moved = one.say(b"f UID MOVE 2,4 target")
    assert moved[0].endswith(b" 2,4 4:5] moved")
    assert moved[1:] == [b"* 4 EXPUNGE", b"* 2 EXPUNGE", b"f OK MOVE completed"]
    assert other.say(b"g NOOP") == [b"* 4 EXPUNGE", b"* 2 EXPUNGE", b"g OK NOOP completed"]
    assert one.say(b"h STATUS target (MESSAGES UIDNEXT)")[0] == b"* STATUS target (MESSAGES 5 UIDNEXT 6)"


def test_uid_expunge_and_close_remove_what_they_should(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.say(b"a STORE 1:3 +FLAGS.SILENT (\\Deleted)")
    assert one.say(b"b UID EXPUNGE 2:9") == [b"* 3 EXPUNGE", b"* 2 EXPUNGE", b"b OK EXPUNGE completed"]
    assert one.say(b"c CLOSE") == [b"c OK CLOSE completed"]
    assert other.say(b"d SEARCH ALL")[0] == b"* SEARCH 1 2 3 4 5"  # by the numbers that it knows
    assert other.say(b"e NOOP")[:3] == [b"* 3 EXPUNGE", b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
    assert other.say(b"f SEARCH ALL")[0] == b"* SEARCH 1 2"


def test_pipelined_commands_are_done_in_their_order(pair: tuple[Talk, Talk]) -> None:
    one, _ = pair
    one.send(
        b"a STORE 1:* +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\nc FETCH 1:* UID\r\nd CREATE pipelined\r\n"
        b"e SELECT pipelined\r\nf APPEND pipelined {9+}\r\nA: b\r\n\r\nx\r\n"
        b"g FETCH 1 BODY[TEXT]\r\nh UNSELECT\r\ni FETCH 1 UID\r\n"
    )
    lines = one.until(b"i")
    tagged = [line.split(b" ", 2)[:2] for line in lines if not line.startswith(b"*")]
    assert tagged == [
        [b"a", b"OK"], [b"b", b"OK"], [b"c", b"OK"], [b"d", b"OK"], [b"e", b"OK"], [b"f", b"OK"], [b"g", b"OK"],
        [b"h", b"OK"], [b"i", b"BAD"],
    ]  # fmt: skip
    assert b"* 1 FETCH (FLAGS (\\Recent \\Seen) BODY[TEXT] {1}\r\nx)" in lines


def test_thousands_of_brief_commands_at_once_leave_their_turn_to_others(pair: tuple[Talk, Talk]) -> None:
    busy, other = pair
    count = 12_000
    busy.send(b"".join(b"%d NOOP\r\n" % number for number in range(count)))
    assert busy.line() == b"0 OK NOOP completed\r\n"  # 65,000 octets of commands wait behind it
    other.say(b"x STORE 1 +FLAGS (told)")
    lines = busy.until(b"%d" % (count - 1))
    news = [place for place, line in enumerate(lines) if b" FETCH (" in line]
    assert len(news) == 1
    assert news[0] < count - 1000, "the other had its turn last"
    assert [int(line.split()[0]) for line in lines if not line.startswith(b"*")] == list(range(1, count))


def test_security_16_pipelined_commands_say_what_they_say_one_by_one(role: ImapRole) -> None:
    commands = [
        b"STORE 2:3 +FLAGS (\\Deleted)", b"FETCH 1:* (UID FLAGS)", b"EXPUNGE", b"STORE 2 FLAGS ()", b"STORE 2 -FLAGS x",
        b"FETCH 1:* (UID FLAGS)", b"STORE 1:* +FLAGS.SILENT (\\Deleted)", b"NOOP", b"UID EXPUNGE 1", b"SEARCH DELETED",
        b"CLOSE", b"FETCH 1 UID",
    ]  # fmt: skip
    told = []
    for name, pipelines in (("by_one", False), ("at_once", True)):
        talk = role.signed_in()
        talk.say(f"a CREATE {name}".encode())
        append(talk, name, 5)
        talk.say(f"a SELECT {name}".encode())
        if pipelines:
            talk.send(b"".join(b"t%d %b\r\n" % pair for pair in enumerate(commands)))
            told.append(talk.until(b"t%d" % (len(commands) - 1)))
        else:
            told.append([line for pair in enumerate(commands) for line in talk.say(b"t%d %b" % pair)])
        talk.close()
    assert told[0] == told[1]
    assert any(line.startswith(b"* 2 EXPUNGE") for line in told[0])


def test_a_deleted_folder_is_told_as_empty(pair: tuple[Talk, Talk]) -> None:
    one, other = pair
    one.say(b"u UNSELECT")
    assert one.say(b"d DELETE test_a_deleted_folder_is_told_as_empty") == [b"d OK DELETE completed"]
    assert other.say(b"n NOOP")[:5] == [b"* %d EXPUNGE" % n for n in (5, 4, 3, 2, 1)]
    assert other.say(b"o FETCH 1:* FLAGS")[-1] == b"o OK FETCH completed"


def test_uidvalidity_rises_when_a_name_comes_again(role: ImapRole) -> None:
    talk = role.signed_in()
    seen = []
    for _ in range(4):
        talk.say(b"c CREATE again")
        seen.append(int(talk.say(b"s STATUS again (UIDVALIDITY)")[0].rstrip(b")").split()[-1]))
        talk.say(b"d DELETE again")
    assert seen == sorted(set(seen))


def test_list_knows_levels_subscriptions_and_uses(role: ImapRole) -> None:
    talk = role.signed_in("bob@ours.test", "correct horse")
    talk.say(b'c CREATE "work/2026/a b"')
    talk.say(b"d DELETE work")
    assert talk.say(b'a LIST "" ""')[0] == b'* LIST (\\Noselect) "/" ""'
    top = talk.say(b'b LIST "" %')
    assert b'* LIST (\\Noselect \\HasChildren) "/" work' in top
    assert b'* LIST (\\HasNoChildren \\Sent) "/" Sent' in top
    assert b'* LIST (\\HasNoChildren) "/" "work/2026/a b"' in talk.say(b'e LIST work/ "*"')
    assert len(talk.say(b'f LIST "" INBOX')) == 2
    talk.say(b'g SUBSCRIBE "work/2026/a b"')
    assert b'* LSUB (\\Noselect \\HasChildren) "/" work/2026' in talk.say(b'h LSUB "" work/%')
    assert len(talk.say(b'i LIST (SPECIAL-USE) "" "*"')) == 6
    both = talk.say(b'j LIST "" (Sent Trash) RETURN (SUBSCRIBED STATUS (MESSAGES))')
    assert both[:2] == [b'* LIST (\\HasNoChildren \\Subscribed \\Sent) "/" Sent', b"* STATUS Sent (MESSAGES 0)"]
    assert talk.say(b"k CREATE specials (USE (\\Archive))")[-1].startswith(b"k OK [MAILBOXID (")
    assert b'* LIST (\\HasNoChildren \\Archive) "/" specials' in talk.say(b'l LIST "" specials')


def test_renaming_inbox_moves_its_mails_and_leaves_it_empty(role: ImapRole) -> None:
    talk = role.signed_in("bob@ours.test", "correct horse")
    append(talk, "INBOX", 2)
    assert talk.say(b"r RENAME INBOX old-mail") == [b"r OK RENAME completed"]
    assert talk.say(b"s STATUS old-mail (MESSAGES UIDNEXT)")[0] == b"* STATUS old-mail (MESSAGES 2 UIDNEXT 3)"
    assert talk.say(b"t STATUS INBOX (MESSAGES UIDNEXT)")[0] == b"* STATUS INBOX (MESSAGES 0 UIDNEXT 3)"


def test_accounts_do_not_see_each_others_mail(role: ImapRole) -> None:
    ann, bob = role.signed_in(), role.signed_in("bob@ours.test", "correct horse")
    ann.say(b"c CREATE secret-of-ann")
    assert not any(b"secret" in line for line in bob.say(b'l LIST "" *'))
    assert bob.say(b"s SELECT secret-of-ann")[-1].startswith(b"s NO [NONEXISTENT]")
