"""A crash between a file of the spool and the row that names it leaves a file; the clock removes it, and no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from admin import sweeping
from admin.office import Office
from peers.smtp_role import settle_tenant
from role.log import EventLog
from store.injection import Forward, HandedIn, Submitted, queue_submissions
from store.schema import contents
from store.secrets import Vault
from store.spool import BLOB_LIMIT, Spool, Stored
from store.spool_sweep import BATCH, GRACE, sweep
from store.stores import Stores

ROOT = Path(__file__).parents[2]
LARGE = b"x" * (BLOB_LIMIT + 1)
_DIES = """
import os, signal, sys
from pathlib import Path
from store.spool import Spool
Spool(Path(sys.argv[1])).put(b"x" * int(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)  # before the row
"""


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def submitted(stores: Stores, stored: Stored) -> None:
    tenant = settle_tenant(stores)
    one = Submitted(tenant.project, tenant.connection, "ann@ours.test", "<1@ours.test>", stored, "mailings")
    forwards = [Forward("bob@b.test", "bob@b.test", "b.test")]
    handed_in = HandedIn(one, forwards, datetime.now(UTC))
    stores.core.journal.run(lambda tx: queue_submissions(tx, [handed_in]))


def age(folder: Path) -> set[str]:
    """Make every file of the spool older than GRACE; their names."""
    old = (datetime.now(UTC) - GRACE - timedelta(minutes=1)).timestamp()
    files = list(folder.glob("??/*"))
    for file in files:
        os.utime(file, (old, old))
    return {file.name for file in files}


def test_a_crash_between_file_and_row_leaves_a_file_that_goes_and_named_ones_stay(
    stores: Stores, spool: Spool, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    sent, received = spool.put(LARGE), spool.put(LARGE)
    submitted(stores, sent)
    mail = insert(contents).values(size_bytes=received.size_bytes, file=received.file)
    stores.mail.journal.run(lambda tx: tx.execute(mail).rowcount)
    crashed = subprocess.run([sys.executable, "-c", _DIES, str(folder), str(len(LARGE))], cwd=ROOT, check=False)
    assert crashed.returncode == -signal.SIGKILL
    orphans = age(folder) - {sent.file, received.file}
    assert len(orphans) == 1

    office = Office(stores, Vault(bytes(32)), tmp_path, "mailloft.test", ())
    sweeping.sweep_spool(office, spool, EventLog("clock"), datetime.now(UTC))

    assert {file.name for file in folder.glob("??/*")} == {sent.file, received.file}
    assert spool.get(None, sent.file) == LARGE
    assert spool.get(None, received.file) == LARGE


def test_a_young_file_may_still_get_its_row(stores: Stores, spool: Spool) -> None:
    stored = spool.put(LARGE)
    assert sweep(stores, spool, datetime.now(UTC)) == 0
    assert sweep(stores, spool, datetime.now(UTC) + GRACE + timedelta(minutes=1)) == 1
    with pytest.raises(FileNotFoundError):
        spool.get(None, stored.file)


def test_more_than_one_batch_is_swept(stores: Stores, spool: Spool, tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "ab"
    folder.mkdir(parents=True)
    for number in range(BATCH + 5):
        (folder / f"ab{number:030}").touch()
    age(tmp_path / "spool")
    assert sweep(stores, spool, datetime.now(UTC)) == BATCH + 5
