"""A full disk under the spool: an upload is refused by name, nothing is left of it, and it works once there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.small_disk import small_disk


@pytest.fixture(name="small_disk")
def disk_of_3_mb(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 3) as folder:
        yield folder


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
