"""`mailloft doctor` on a running appliance: what is right, what is not, and what to do about it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from peers.appliance import Appliance
from peers.loopback import free_port, wait_until


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
    command = [
        sys.executable,
        "-m",
        "admin.cli",
        "backup",
        str(tmp_path),
        "--keep",
        "1",
        "--json",
        "--dir",
        str(web.folder),
    ]
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


def test_the_clock_examines_too_and_api_and_metrics_say_what_it_found(web: Appliance, operator: httpx.Client) -> None:
    wait_until(lambda: operator.get("/doctor").status_code == 200, "the clock has gone its first round", 60)
    found = operator.get("/doctor").json()
    by_thing = {(one["check"], one["what"]): one["verdict"] for one in found["findings"]}
    assert by_thing["ports", f"imaps, port {web.ready['imaps']}"] == "ok"
    assert found["wrong"] == sum(verdict == "wrong" for verdict in by_thing.values())
    told = httpx.get(f"{web.ready['metrics']['clock']}").text
    certificates = [
        line for line in told.splitlines() if line.startswith('mailloft_doctor_findings{check="certificates"')
    ]
    assert 'mailloft_doctor_findings{check="certificates",verdict="ok"} 6.0' in certificates
    assert 'mailloft_doctor_findings{check="certificates",verdict="wrong"} 0.0' in certificates
