"""A backup's helpers get the database's password where no other user of the machine can read it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.postgresql import Cluster
from store import copying

_SPY = """#!/bin/sh
{ tr '\\0' ' ' < /proc/$$/cmdline; echo; echo "password: $PGPASSWORD"; } >> "$SEEN"
exec %s "$@"
"""


@pytest.fixture
def databases(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """One with rows in it, and one without tables."""
    made = cluster.create(template="migrated"), cluster.create()
    yield made
    for one in made:
        cluster.drop(one)


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `pg_dump` and `pg_restore` were called with."""
    for program in ("pg_dump", "pg_restore"):
        real = shutil.which(program)
        assert real, "Debian has it in postgresql-client"
        (tmp_path / program).write_text(_SPY % real)
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    return tmp_path / "seen"


@pytest.mark.parametrize("form", ["user:hush%2F1@", "user@?password=hush%2F1"])
def test_the_password_is_no_argument(databases: tuple[str, str], seen: Path, tmp_path: Path, form: str) -> None:
    full, empty = (_with_password(one, form) for one in databases)
    rows = copying.copy("core", full, tmp_path / "core.dump", lambda _done, _of: None)
    assert copying.put_back("core", empty, tmp_path / "core.dump") == rows
    dumped, first, restored, second = seen.read_text().splitlines()
    assert "--schema=core" in dumped
    assert "--exit-on-error" in restored
    assert "hush" not in dumped + restored
    assert first == second == "password: hush/1"


def _with_password(url: str, form: str) -> str:
    user, _, query = form.partition("?")
    return url.replace("mailloft@", user.replace("user", "mailloft"), 1) + (f"?{query}" if query else "")
