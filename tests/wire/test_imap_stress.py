"""Twenty clients on ten accounts, and ten on one, for some seconds: no error, no mail lost or doubled.

`make imap` is the whole form: a minute, and on both engines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from peers.imap_premises import serving_ann_and_bob
from peers.imap_role import MASTER, SECRET, ImapRole
from peers.imap_stress import Account, stressed
from store import mailboxes
from store.schema import domains
from store.secrets import Vault
from store.stores import open_stores

SECONDS = float(os.environ.get("MAILLOFT_STRESS_SECONDS", "6"))
PEOPLE = [f"person{number}@ours.test" for number in range(10)]


@pytest.fixture(scope="module")
def role(migrated_once: Path | str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapRole]:
    folder = tmp_path_factory.mktemp("stress")
    with serving_ann_and_bob(migrated_once, folder, imap={"plaintext_login": True}) as running:
        stores, vault, now = open_stores(running.location), Vault(MASTER), datetime.now(UTC)
        with stores.core.database.write() as tx:
            home = tx.execute(select(domains.c.id, domains.c.project_id)).one()
            for address in PEOPLE:
                kept = mailboxes.generated_hash(vault, SECRET)
                mailboxes.create(tx, home.project_id, home.id, address, kept, None, now)
        stores.close()
        yield running


@pytest.mark.parametrize(("people", "clients"), [(10, 20), (1, 10)])
def test_clients_at_once_keep_their_picture_and_their_mail(role: ImapRole, people: int, clients: int) -> None:
    accounts = [Account(role.ports["imap"], address, SECRET) for address in PEOPLE[-people:]]
    rate, wrong = stressed(accounts, clients, SECONDS)
    assert wrong[:10] == []
    assert rate > 0
    assert "raised" not in role.log()
