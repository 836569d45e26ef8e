"""A full disk is an error that names the cause; what was there stays, and writing goes on once there is room.

Root gets a small file system of its own, so the errors are the kernel's; elsewhere a limit on the size of a file
stands for it, which the same calls meet.
"""

from __future__ import annotations

import errno
import os
import resource
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from peers.small_disk import small_disk
from store.database import Database
from store.schema import contents
from store.spool import BLOB_LIMIT, Spool

LARGE = BLOB_LIMIT + 1


@pytest.fixture(name="small_disk")
def disk_of_6_mb(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 6) as folder:
        yield folder


def test_a_full_spool_refuses_and_keeps_what_it_has(small_disk: Path) -> None:
    spool = Spool(small_disk)
    before = secrets.token_bytes(LARGE)
    kept = spool.put(before)
    _fill(small_disk)
    with pytest.raises(OSError) as raised:
        spool.put(secrets.token_bytes(LARGE))
    assert raised.value.errno == errno.ENOSPC
    assert spool.get(kept.blob, kept.file) == before
    (small_disk / "ballast").unlink()
    after = spool.put(before)
    assert spool.get(after.blob, after.file) == before


def test_a_refused_message_leaves_no_half_file(small_disk: Path) -> None:
    spool = Spool(small_disk)
    _fill(small_disk, leave=LARGE // 2)
    with pytest.raises(OSError):
        spool.put(secrets.token_bytes(LARGE))
    assert [path for path in small_disk.glob("??/*") if path.is_file()] == []


def test_a_full_database_refuses_and_keeps_what_it_has(small_disk: Path, migrated_folder: Path) -> None:
    shutil.copy(migrated_folder / "mail.db", small_disk)
    database = Database("mail", str(small_disk))
    written = 0
    with pytest.raises(OperationalError, match="full"):
        while True:
            _store(database, secrets.token_bytes(100_000))
            written += 1
    assert written > 3
    with database.read() as connection:
        assert len(connection.execute(select(contents.c.id)).all()) == written
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    subprocess.run(["mount", "-o", "remount,size=12m", small_disk], check=True)
    _store(database, secrets.token_bytes(100_000))
    with database.read() as connection:
        assert len(connection.execute(select(contents.c.id)).all()) == written + 1
    database.close()


def test_a_file_too_large_for_its_limit_is_an_error_too(tmp_path: Path) -> None:
    with _files_at_most(LARGE // 2), pytest.raises(OSError) as raised:
        Spool(tmp_path).put(secrets.token_bytes(LARGE))
    assert raised.value.errno == errno.EFBIG
    assert [path for path in tmp_path.glob("??/*") if path.is_file()] == []


@contextmanager
def _files_at_most(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def _fill(folder: Path, leave: int = 0) -> None:
    state = os.statvfs(folder)
    (folder / "ballast").write_bytes(bytes(state.f_bavail * state.f_frsize - leave))


def _store(database: Database, octets: bytes) -> None:
    with database.write() as transaction:
        transaction.execute(insert(contents).values(size_bytes=len(octets), bytes=octets))
