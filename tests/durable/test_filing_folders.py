"""Folders: made once, renamed with what is below them, and a UIDVALIDITY that never comes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from store import folder_state, folders, removal
from store.folder_feed import ChangeFeed
from store.folders import Folder, FolderExistsError
from store.stores import Stores

T = TypeVar("T")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Account:
    def __init__(self, stores: Stores, mailbox: int = 7) -> None:
        self.stores = stores
        self.mailbox = mailbox
        self.inbox = self.write(lambda tx: folders.ensure_folders(tx, mailbox, NOW))

    def write(self, work: Callable[[Connection], T]) -> T:
        return self.stores.mail.journal.run(work)

    def create(self, name: str, now: datetime = NOW) -> Folder:
        return self.write(lambda tx: folders.create(tx, self.mailbox, name, now))

    def delete(self, folder: Folder) -> None:
        self.write(lambda tx: removal.delete_folder(tx, folder.id))

    def names(self) -> list[str]:
        with self.stores.mail.database.read() as tx:
            return [folder.name for folder in folders.all_of(tx, self.mailbox)]


@pytest.fixture
def account(stores: Stores) -> Account:
    return Account(stores)


def test_the_default_folders_are_made_once(account: Account) -> None:
    assert account.write(lambda tx: folders.ensure_folders(tx, 7, NOW)) == account.inbox
    assert account.names() == ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]
    assert Account(account.stores, 8).inbox != account.inbox


def test_a_uidvalidity_never_comes_again_even_when_the_clock_goes_back(account: Account) -> None:
    seen = []
    for step in range(6):
        made = account.create("again", NOW - timedelta(hours=step))
        seen.append(made.uidvalidity)
        account.delete(made)
    assert seen == sorted(set(seen))
    assert account.create("again", NOW + timedelta(days=1)).uidvalidity == int((NOW + timedelta(days=1)).timestamp())


def test_a_renamed_folder_has_a_higher_uidvalidity_than_any_that_had_the_name(account: Account) -> None:
    source, target = account.create("source"), account.create("target")
    account.delete(target)
    account.write(lambda tx: folders.rename(tx, source, "target", NOW))
    with account.stores.mail.database.read() as tx:
        renamed = folders.by_name(tx, 7, "target")
    assert renamed is not None
    assert renamed.id == source.id
    assert renamed.uidvalidity > target.uidvalidity
    assert renamed.object_id == source.object_id != target.object_id


def test_a_renamed_folder_keeps_its_uidvalidity_where_no_other_can_have_had_it(account: Account) -> None:
    first, second = account.create("first"), account.create("second/below")

    def renamed(folder: Folder, name: str) -> Folder:
        account.write(lambda tx: folders.rename(tx, folder, name, NOW))
        with account.stores.mail.database.read() as tx:
            found = folders.by_name(tx, 7, name)
        assert found is not None
        return found

    moved = renamed(first, "moved")
    assert moved.uidvalidity == first.uidvalidity
    assert renamed(second, "elsewhere").uidvalidity == second.uidvalidity
    assert account.create("first").uidvalidity > second.uidvalidity
    # It leaves and comes back: between, another folder may have had the name.
    assert renamed(moved, "again").uidvalidity > second.uidvalidity
    account.write(lambda tx: folders.renew_uidvalidity(tx, NOW + timedelta(days=2)))
    restored = account.create("restored", NOW)
    with account.stores.mail.database.read() as tx:
        known = folders.by_name(tx, 7, "Sent")
    assert known is not None
    assert renamed(known, "Sent too").uidvalidity > restored.uidvalidity  # a name may have been left after the backup


def test_no_id_comes_again(account: Account) -> None:
    first = account.create("again")
    account.delete(first)
    assert account.create("again").id != first.id


def test_after_a_restore_no_folder_has_a_uidvalidity_that_was_given_out(account: Account) -> None:
    made = account.create("one")
    later = account.create("two", NOW + timedelta(days=3))  # as if after the backup
    assert account.write(lambda tx: folders.renew_uidvalidity(tx, NOW + timedelta(days=2))) == 8
    with account.stores.mail.database.read() as tx:
        known = {folder.name: folder for folder in folders.all_of(tx, 7)}
    assert known["one"].uidvalidity > made.uidvalidity
    assert known["two"].uidvalidity > later.uidvalidity
    assert known["one"].highestmodseq > made.highestmodseq
    assert account.create("three").uidvalidity > max(folder.uidvalidity for folder in known.values())


def test_rename_takes_the_inferiors_along_and_makes_parents(account: Account) -> None:
    account.create("a/b/c")
    account.create("ab")
    with account.stores.mail.database.read() as tx:
        folder = folders.by_name(tx, 7, "a")
    assert folder is not None
    account.write(lambda tx: folders.rename(tx, folder, "x/y", NOW))
    assert [name for name in account.names() if name[0] in "ax"] == ["ab", "x", "x/y", "x/y/b", "x/y/b/c"]


def test_a_taken_name_is_refused_and_nothing_changes(account: Account) -> None:
    folder = account.create("one")
    account.create("two")
    before = account.names()
    with pytest.raises(FolderExistsError):
        account.create("two")
    with pytest.raises(FolderExistsError):
        account.write(lambda tx: folders.rename(tx, folder, "two", NOW))
    assert account.names() == before


def test_the_feed_names_what_changed_and_only_that(account: Account) -> None:
    other = account.create("other")
    feed = ChangeFeed(account.stores.mail.database)
    assert sorted(feed.poll([account.inbox, other.id])) == sorted([account.inbox, other.id])
    assert feed.poll([account.inbox, other.id]) == []
    account.write(lambda tx: folder_state.touch(tx, other.id))
    assert feed.poll([account.inbox, other.id]) == [other.id]
    account.delete(other)
    assert feed.poll([account.inbox, other.id]) == [other.id]
    assert feed.poll([account.inbox, other.id]) == []
    feed.close()
