"""backup.yml on one machine, restore.yml on a bare one: the same rows, the same bytes, and nothing sent by itself."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bridge import Bridge
from peers.deployed_mail import Household, comes_in, far_host, hand_in, subjects
from peers.deployment import Deployed, play, whole
from peers.loopback import wait_until
from peers.machine import Machine

pytestmark = [whole, pytest.mark.timeout(2400)]
# What a start writes of itself, and the new numbers of folders, have a count and no hash.
_ROWS = """
import hashlib, json, sqlite3, sys
found = {}
for name in ("core", "mail", "events"):
    database = sqlite3.connect(f"file:{sys.argv[1]}/{name}.db?mode=ro", uri=True)
    for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").fetchall():
        if table.startswith("sqlite_") or table == "workers":
            continue
        rows = sorted(repr(row) for row in database.execute(f'SELECT * FROM "{table}"'))
        hashed = "" if table == "folders" else hashlib.sha256("".join(rows).encode()).hexdigest()
        found[f"{name}.{table}"] = [len(rows), hashed]
print(json.dumps(found))
"""
# A restore holds what was queued; the domains are looked at again.
_CHANGED = {"core.recipients", "core.flows", "core.domains", "core.sites"}


@pytest.fixture
def second(bridge: Bridge, machine: Machine) -> Iterator[Machine]:
    """Bare but for the releases, which are those of the first: installing is proved there."""
    made = Machine(bridge, "bookworm", "second", 21)
    made.boot(with_folder_of=machine, folder="opt/mailloft/releases")
    yield made
    made.destroy()


def test_a_backup_of_one_machine_is_the_mail_server_of_another(
    deployed: Deployed, machine: Machine, second: Machine, values: dict[str, object], tmp_path: Path, ours: Household
) -> None:
    comes_in(deployed, ours, "before the backup")
    hand_in(deployed, ours, "patient", "it waits for far.test")
    play("backup.yml", machine, {**values, "mailloft_fetch_to": str(tmp_path / "fetched")})
    machine.run("mailloft queue cancel --all")
    (fetched,) = (tmp_path / "fetched").glob("*.tar")
    assert fetched.stat().st_mode & 0o777 == 0o600
    with tarfile.open(fetched) as tar:
        manifest = json.loads((tar.extractfile(f"{fetched.stem}/manifest.json") or _absent()).read())
    play("restore.yml", second, {**values, "mailloft_backup": str(fetched)})
    backed, restored = (
        _rows(second, where) for where in (f"/var/backups/mailloft/{fetched.stem}", "/var/lib/mailloft")
    )
    counted = {f"{name}.{table}": rows for name, tables in manifest["rows"].items() for table, rows in tables.items()}
    assert len(counted) > 50
    assert {table: backed[table][0] for table in counted if table != "core.workers"} == {
        table: rows for table, rows in counted.items() if table != "core.workers"
    }
    assert {table for table in backed if backed[table] != restored[table]} <= _CHANGED
    assert [backed[table][0] for table in _CHANGED] == [restored[table][0] for table in _CHANGED]
    there = Deployed(second)
    assert there.api_key == deployed.api_key
    assert "before the backup" in subjects(there, ours)
    comes_in(there, ours, "after the restore")
    _what_waited_goes_when_a_person_says_so(second)


def _what_waited_goes_when_a_person_says_so(second: Machine) -> None:
    """Signed, so that the key of its domain was opened."""
    with far_host() as street:
        second.run("mailloft queue release --all")
        # It was tried before the backup, and keeps the time of its next attempt.
        second.run("mailloft queue retry --all")
        wait_until(lambda: second.address in {source for _, _, source, _ in street.taken}, "far.test has it", 60)
        waited = [octets for octets in street.kept or [] if b"Subject: it waits for far.test" in octets]
    assert all(b"DKIM-Signature: " in octets and b" d=shop.test;" in octets for octets in waited)
    assert waited


def _absent() -> None:
    raise AssertionError("the backup has no manifest")


def _rows(machine: Machine, folder: str) -> dict[str, tuple[int, str]]:
    """Of each table its number of rows and their hash."""
    machine.run(f"cat > /tmp/rows.py <<'E'\n{_ROWS}\nE")
    found: dict[str, tuple[int, str]] = json.loads(machine.run(f"python3 /tmp/rows.py {folder}"))
    return found
