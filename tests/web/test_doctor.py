"""`mailloft doctor` on a running appliance: what is right, what is not, and what to do about it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from peers.appliance import Appliance
from peers.loopback import free_port


def examined(folder: Path) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    """The exit status, and the findings by check and thing."""
    command = [sys.executable, "-m", "admin.cli", "doctor", "--json", "--dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, {(one["check"], one["what"]): one for one in json.loads(done.stdout)}


def test_a_running_appliance_is_examined_door_by_door(web: Appliance) -> None:
    _, found = examined(web.folder)
    for name in ("mx", "submission", "submissions", "imap", "imaps"):
        what = f"{name}, port {web.ready[name]}"
        assert found["ports", what]["verdict"] == "ok", found
        assert found["certificates", what]["verdict"] == "ok"
    assert {name for check, name in found if check == "processes"} == set(web.ready["metrics"])
    assert found["queue", "senders"]["verdict"] == "ok"
    assert found["backup", "the last"]["verdict"] == "warning"
    assert "mailloft backup" in found["backup", "the last"]["mend"]


def test_a_backup_is_seen(web: Appliance, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "admin.cli", "backup", str(tmp_path), "--json", "--dir", str(web.folder)]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    _, found = examined(web.folder)
    assert found["backup", "the last"]["verdict"] == "ok"
    assert made["backup"] in found["backup", "the last"]["told"]


def test_a_port_that_does_not_answer_is_wrong_and_so_is_the_status(web: Appliance, tmp_path: Path) -> None:
    """The same appliance, believed to have its IMAP where nothing is."""
    for name in ("master.key", "signing.key", "signing.pub", "whereabouts.json", "keepsakes.json"):
        shutil.copy(web.folder / name, tmp_path / name)
    kept = json.loads((tmp_path / "keepsakes.json").read_text())
    kept["ports"]["imaps"] = free_port()
    (tmp_path / "keepsakes.json").write_text(json.dumps(kept))
    status, found = examined(tmp_path)
    assert found["ports", f"imaps, port {kept['ports']['imaps']}"]["verdict"] == "wrong"
    assert status == 1
