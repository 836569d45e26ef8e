"""A full disk under the spool: an upload is refused by name, nothing is left of it, and it works once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers import need
from peers.appliance import Appliance
from peers.loopback import wait_until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    need.root("to mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        need.lacking(f"leave to mount a file system ({mounted.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_an_upload_to_a_full_spool_is_refused_and_leaves_nothing(
    small_disk: Path, appliance: Callable[..., Appliance]
) -> None:
    made = appliance(f'[storage]\nspool = "{small_disk}/spool"\n')
    made.api().post("/projects", json={"name": "shop"}).raise_for_status()
    with made.api() as api:
        api.params = {"project": "shop"}
        readers = api.post("/lists", json={"name": "readers"}).json()["id"]
        rows = b"address\n" + b"".join(b"client%d@example.test\n" % number for number in range(200_000))
        refused = api.post(f"/lists/{readers}/imports", content=rows)
        assert refused.status_code == 507, refused.text
        assert "disk of the appliance is full" in refused.json()["detail"]
        assert list((small_disk / "spool" / "imports").iterdir()) == []
        job = api.post(f"/lists/{readers}/imports", content=rows[:21_000]).json()["id"]
        wait_until(lambda: api.get(f"/imports/{job}").json()["state"] == "finished", "the import is finished", 20)
