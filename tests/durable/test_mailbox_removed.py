"""A removed mailbox is gone at once, its mails soon after, nothing of others with it, and its id is nobody's again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from mail.mime_index import index
from peers.imap_role import ANN, BOB, settle_accounts
from store import filing, folders, mailboxes, removed_mailboxes
from store.mailboxes import Mailbox, address_key
from store.removed_mailboxes import LATE, ROWS
from store.schema import contents, filed, search_texts, subscriptions
from store.schema import folders as folders_table
from store.schema import removed_mailboxes as notes
from store.spool import BLOB_LIMIT, Spool
from store.stores import Stores

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RAW = b"Subject: one\r\n\r\nbody\r\n"


def _account(stores: Stores, login: str) -> Mailbox:
    with stores.core.database.read() as tx:
        found = mailboxes.by_address(tx, address_key(login) or "")
    assert found is not None
    return found


def _filed(stores: Stores, spool: Spool, account: Mailbox, raw: bytes, count: int) -> None:
    inbox = stores.mail.journal.run(lambda tx: folders.ensure_folders(tx, account.id, NOW))
    for _ in range(count):
        stored = spool.put(raw)
        stores.mail.journal.run(lambda tx, kept=stored: filing.file_message(tx, inbox, kept, index(raw), [], NOW, NOW))


def _rows(stores: Stores) -> dict[str, int]:
    tables = (folders_table, subscriptions, filed, contents, search_texts)
    with stores.mail.database.read() as tx:
        return {table.name: tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


def _removed(stores: Stores, account: Mailbox) -> bool:
    return stores.core.journal.run(lambda tx: removed_mailboxes.remove(tx, account.project_id, account.id, NOW))


def test_its_mails_go_with_their_bytes_and_those_of_others_stay(stores: Stores, tmp_path: Path) -> None:
    settle_accounts(stores)
    spool, ann, bob = Spool(tmp_path / "spool"), _account(stores, ANN), _account(stores, BOB)
    _filed(stores, spool, bob, RAW, 2)
    before = _rows(stores)
    _filed(stores, spool, ann, RAW, ROWS + 1)
    _filed(stores, spool, ann, b"Subject: large\r\n\r\n" + b"x" * BLOB_LIMIT + b"\r\n", 1)

    assert _removed(stores, ann)
    with stores.core.database.read() as tx:
        assert mailboxes.by_address(tx, address_key(ANN) or "") is None
    files = list(removed_mailboxes.empty_all(stores, NOW))

    assert _rows(stores) == before
    assert len(files) == 1
    assert list(removed_mailboxes.empty_all(stores, NOW)) == []


def test_a_mail_filed_behind_the_last_look_goes_too_and_then_the_note(stores: Stores, tmp_path: Path) -> None:
    settle_accounts(stores)
    spool, ann = Spool(tmp_path / "spool"), _account(stores, ANN)
    _removed(stores, ann)
    list(removed_mailboxes.empty_all(stores, NOW))
    _filed(stores, spool, ann, RAW, 1)  # it was under way
    list(removed_mailboxes.empty_all(stores, NOW + LATE + timedelta(seconds=1)))
    assert set(_rows(stores).values()) == {0}
    with stores.core.database.read() as tx:
        assert tx.execute(select(func.count()).select_from(notes)).scalar_one() == 0


def test_the_next_mailbox_has_another_id(stores: Stores) -> None:
    settle_accounts(stores)
    account = max((_account(stores, login) for login in (ANN, BOB)), key=lambda one: one.id)
    _removed(stores, account)
    made = stores.core.journal.run(
        lambda tx: mailboxes.create(tx, account.project_id, account.domain_id, account.address, "x", None, NOW)
    )
    assert made > account.id


def test_another_projects_mailbox_stays(stores: Stores) -> None:
    settle_accounts(stores)
    ann = _account(stores, ANN)
    assert not stores.core.journal.run(lambda tx: removed_mailboxes.remove(tx, ann.project_id + 1, ann.id, NOW))
    assert _account(stores, ANN) == ann
