"""LIST, LSUB, subscriptions, RENAME, DELETE, quota and previews as clients see them, each on an account of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import ANN, BOB, BOBS_OWN, ImapRole, Talk
from store.schema import mailboxes
from store.stores import open_stores

DEFAULTS = ("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash")


@pytest.fixture(scope="module")
def role(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    with serving_ann_and_bob(migrated_folder, tmp_path_factory.mktemp("folders")) as running:
        yield running


@pytest.fixture
def talk(role: ImapRole) -> Iterator[Talk]:
    """Ann, with the default folders alone."""
    made = role.signed_in()
    yield made
    for line in made.say(b'z LIST "" *')[:-1]:
        name = line.split(b'"/" ')[1]
        if name.decode().strip('"') not in DEFAULTS:
            made.say(b"z DELETE " + name)
    for line in made.say(b'z LSUB "" *')[:-1]:
        made.say(b"z UNSUBSCRIBE " + line.split(b'"/" ')[1])
    for name in DEFAULTS:
        made.say(b"z SUBSCRIBE " + name.encode())
    made.close()


def said(talk: Talk, *commands: str) -> list[str]:
    """The last command's answer without its tagged line, which is OK."""
    for command in commands:
        lines = [line.decode() for line in talk.say(b"x " + command.encode())]
        assert lines[-1].startswith("x OK"), lines
    return lines[:-1]


def refused(talk: Talk, command: str) -> str:
    (line,) = talk.say(b"x " + command.encode())
    assert line.startswith(b"x NO ")
    return line.decode()


def names(lines: list[str]) -> list[str]:
    return [line.split('"/" ')[1] for line in lines]


def test_the_folders_of_a_new_account(talk: Talk) -> None:
    assert said(talk, 'LIST "" *')[:2] == [
        '* LIST (\\HasNoChildren) "/" INBOX', '* LIST (\\HasNoChildren \\Archive) "/" Archive',
    ]  # fmt: skip
    assert names(said(talk, 'LSUB "" *')) == list(DEFAULTS)
    assert said(talk, 'LIST (SPECIAL-USE) "" *', 'LIST "" % RETURN (SPECIAL-USE)')[2] == (
        '* LIST (\\HasNoChildren \\Drafts) "/" Drafts'
    )
    assert names(said(talk, 'LIST (SPECIAL-USE) "" *')) == list(DEFAULTS[1:])


def test_wildcards_and_references(talk: Talk) -> None:
    said(talk, "CREATE a/b/c", "CREATE ab")
    assert names(said(talk, 'LIST "" a*')) == ["a", "a/b", "a/b/c", "ab"]
    assert names(said(talk, 'LIST "" a%')) == ["a", "ab"]
    assert names(said(talk, "LIST a/ %")) == ["a/b"]
    assert names(said(talk, 'LIST "" %/%')) == ["a/b"]
    assert names(said(talk, 'LIST "" (inbox a/b/%)')) == ["INBOX", "a/b/c"]
    assert said(talk, 'LIST "" ""') == ['* LIST (\\Noselect) "/" ""']
    assert said(talk, 'LIST "" a') == ['* LIST (\\HasChildren) "/" a']


def test_a_folder_that_has_children_leaves_its_name(talk: Talk) -> None:
    said(talk, "CREATE a/b", "DELETE a")
    assert said(talk, 'LIST "" a') == ['* LIST (\\Noselect \\HasChildren) "/" a']
    assert "NONEXISTENT" in refused(talk, "SELECT a")
    assert "NONEXISTENT" in refused(talk, "DELETE a")
    said(talk, "DELETE a/b")
    assert said(talk, 'LIST "" a*') == []


def test_a_subscription_is_of_a_name(talk: Talk) -> None:
    said(talk, "CREATE a", "SUBSCRIBE a", "SUBSCRIBE never/was", "SUBSCRIBE a", "DELETE a", "UNSUBSCRIBE nothing")
    assert said(talk, 'LSUB "" a') == ['* LSUB (\\HasNoChildren) "/" a']
    assert said(talk, 'LIST (SUBSCRIBED) "" (a never/*)') == [
        '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" a',
        '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" never/was',
    ]
    assert said(talk, 'LIST "" a') == []
    assert said(talk, 'LSUB "" never/%') == ['* LSUB (\\HasNoChildren) "/" never/was']
    # RFC 3501 §6.3.9: a name is there for the sake of what is subscribed below it.
    assert said(talk, 'LSUB "" nev%') == ['* LSUB (\\Noselect \\HasNoChildren) "/" never']
    assert said(talk, 'LSUB "" never*') == ['* LSUB (\\HasNoChildren) "/" never/was']
    said(talk, "CREATE b")
    assert said(talk, 'LSUB "" b') == []
    assert "CANNOT" in refused(talk, 'SUBSCRIBE "a*"')


def test_what_children_are_is_told_for_the_sake_of_their_subscription(talk: Talk) -> None:
    said(talk, "CREATE a/b", "SUBSCRIBE a/b")
    assert said(talk, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" a') == [
        '* LIST (\\HasChildren) "/" a ("CHILDINFO" ("SUBSCRIBED"))'
    ]
    assert said(talk, 'LIST (SUBSCRIBED) "" a') == []
    assert said(talk, 'LIST "" a/b RETURN (SUBSCRIBED CHILDREN)') == ['* LIST (\\HasNoChildren \\Subscribed) "/" a/b']
    assert talk.say(b'x LIST (RECURSIVEMATCH) "" *')[-1].startswith(b"x BAD")
    assert said(talk, 'LIST (REMOTE) "" a') == ['* LIST (\\HasChildren) "/" a']


def test_status_comes_with_list(talk: Talk) -> None:
    said(talk, "CREATE a", "APPEND a {6+}\r\na: b\r\n", "APPEND a (\\Seen \\Deleted) {6+}\r\na: b\r\n")
    assert said(talk, 'LIST "" a RETURN (STATUS (MESSAGES UNSEEN SIZE DELETED DELETED-STORAGE))') == [
        '* LIST (\\HasNoChildren) "/" a', "* STATUS a (MESSAGES 2 UNSEEN 1 SIZE 12 DELETED 1 DELETED-STORAGE 6)",
    ]  # fmt: skip


def test_renaming_takes_the_children_along_and_leaves_the_inbox(talk: Talk) -> None:
    said(talk, "CREATE a/b", "RENAME a x/y")
    assert names(said(talk, 'LIST "" *'))[-3:] == ["x", "x/y", "x/y/b"]
    assert "CANNOT" in refused(talk, "RENAME x x/y/z")
    assert "ALREADYEXISTS" in refused(talk, "RENAME x Sent")
    said(talk, "APPEND INBOX {6+}\r\na: b\r\n", "RENAME INBOX old")
    assert said(talk, "STATUS old (MESSAGES)", "STATUS INBOX (MESSAGES)") == ["* STATUS INBOX (MESSAGES 0)"]
    assert said(talk, "STATUS old (MESSAGES)") == ["* STATUS old (MESSAGES 1)"]
    assert "ALREADYEXISTS" in refused(talk, "CREATE inbox")
    assert "CANNOT" in refused(talk, "DELETE inbox")
    assert said(talk, "CREATE inbox/sub", 'LIST "" INBOX/%') == ['* LIST (\\HasNoChildren) "/" INBOX/sub']


def test_names_that_are_not_ascii(talk: Talk) -> None:
    said(talk, 'CREATE "Gr&APYA3w-e"')
    assert names(said(talk, 'LIST "" Gr%')) == ["Gr&APYA3w-e"]
    assert talk.say(b'x CREATE "Gr&APYA3w"')[-1].startswith(b"x NO [CANNOT] ")


def test_the_first_words_of_a_mail(talk: Talk) -> None:
    raw = "Content-Type: text/plain; charset=utf-8\r\n\r\nGrüße,\r\n\r\n  you"
    said(talk, "CREATE a", f"APPEND a {{{len(raw.encode())}+}}\r\n{raw}", "SELECT a")
    told = "* 1 FETCH (UID 1 PREVIEW {12}\r\nGrüße, you)"
    assert said(talk, "FETCH 1 (UID PREVIEW)") == [told]
    assert said(talk, "UID FETCH 1 (PREVIEW (LAZY))") == [told]
    assert said(talk, "UID FETCH 1 PREVIEW (Lazy)") == [told]
    said(talk, "UNSELECT")


def test_a_quota_is_told_and_held(role: ImapRole) -> None:
    stores = open_stores(role.location)
    of_bob = update(mailboxes).where(mailboxes.c.address == BOB).values(quota_bytes=4096)
    stores.core.journal.run(lambda tx: tx.execute(of_bob).rowcount)
    stores.close()
    talk = role.signed_in(BOB, BOBS_OWN)
    assert said(talk, "GETQUOTAROOT INBOX") == ['* QUOTAROOT INBOX ""', '* QUOTA "" (STORAGE 0 4)']
    said(talk, "APPEND INBOX {3000+}\r\na: " + "b" * 2997)
    assert said(talk, 'GETQUOTA ""') == ['* QUOTA "" (STORAGE 3 4)']
    talk.send(b"x APPEND INBOX {3000+}\r\na: " + b"b" * 2997 + b"\r\n")
    assert b"[OVERQUOTA]" in talk.until(b"x")[-1]
    said(talk, "SELECT INBOX")
    assert "[OVERQUOTA]" in refused(talk, "COPY 1 Archive")
    said(talk, "UID MOVE 1 Archive")
    assert said(talk, 'GETQUOTA ""') == ['* QUOTA "" (STORAGE 3 4)']
    assert "NOPERM" in refused(talk, 'SETQUOTA "" (STORAGE 100)')
    assert "NONEXISTENT" in refused(talk, "GETQUOTA other")
    assert "NONEXISTENT" in refused(talk, "GETQUOTAROOT none")
    assert said(role.signed_in(ANN), "GETQUOTAROOT INBOX") == ['* QUOTAROOT INBOX ""', '* QUOTA "" ()']
