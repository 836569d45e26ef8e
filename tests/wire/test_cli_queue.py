"""`mailloft queue` beside a running appliance whose mail cannot leave: held, shown, released, retried, cancelled."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peers.appliance import PROGRAM, Appliance
from peers.loopback import wait_until

# Nobody answers there, so what is sent waits in the queue.
NO_DNS = '[dns]\nservers = ["127.0.0.1:9"]\n'


class Queue:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [PROGRAM, "queue", *words, "--dir", self._folder]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def mail_waits(appliance: Callable[..., Appliance]) -> tuple[Queue, str]:
    """An appliance with a launched campaign to three clients, deferred; its id."""
    made = appliance(NO_DNS, "--sample")
    key = {"project": made.ready["sample"]["project"]}
    with made.api() as api:
        audience = api.post("/lists", params=key, json={"name": "readers"}).json()["id"]
        for number in range(3):
            body: dict[str, Any] = {"address": f"c{number}@far.test", "lists": [audience]}
            assert api.post("/clients", params=key, json=body).is_success
        sender = api.get("/senders", params=key).json()["items"][0]["id"]
        body = {"name": "x", "sender": sender, "list": audience, "subject": "x", "html": "<p>x</p>"}
        campaign = api.post("/campaigns", params=key, json=body).json()["id"]
        assert api.post(f"/campaigns/{campaign}/launch", params=key).is_success
    queue = Queue(made.folder)
    wait_until(lambda: [row["attempts"] for row in queue.json("list", "--rows")] == [1, 1, 1], "all are deferred", 40)
    return queue, str(campaign)


def test_an_operator_holds_shows_releases_retries_and_cancels(mail_waits: tuple[Queue, str]) -> None:
    queue, campaign = mail_waits
    assert queue.json("hold", "--campaign", campaign) == {"changed": 3}
    assert queue.json("hold", "--campaign", campaign) == {"changed": 0}
    (flow,) = queue.json("list", "--campaign", campaign)
    assert (flow["site"], flow["queued"], flow["held"]) == ("far.test", 0, 3)
    rows = queue.json("list", "--state", "held", "--provider", "far.test")
    assert sorted(row["address"] for row in rows) == ["c0@far.test", "c1@far.test", "c2@far.test"]
    shown = queue.run("show", str(rows[0]["id"])).stdout
    assert "state: held" in shown
    assert "the name servers did not tell" in shown
    assert queue.json("release", "--address", "c1@far.test") == {"changed": 1}
    (waiting,) = queue.json("list", "--state", "queued")
    assert queue.json("retry", str(waiting["id"])) == {"changed": 1}
    wait_until(lambda: queue.json("show", str(waiting["id"]))["attempts"] == 2, "it is tried again", 30)
    (shape,) = queue.json("qshape")
    assert (shape["name"], shape["queued"], shape["held"], shape["minutes_5"]) == ("far.test", 1, 2, 1)
    (lanes,) = queue.json("lanes", "--site", "far.test")
    assert (lanes["queued"], lanes["held"], lanes["state"]) == (1, 2, "open")
    assert {lane["state"] for lane in lanes["lanes"]} == {"open"}
    first, *others = queue.run("lanes").stdout.splitlines()[1:]
    assert first.split()[:6] == ["far.test", "campaign", "mailings", "1", "2", "0"]
    assert [line.split()[:3] for line in others] == [["far.test", "campaign", "mailings"]] * (len(lanes["lanes"]) - 1)
    done = queue.run("cancel", "--campaign", campaign)
    assert (done.returncode, done.stdout) == (0, "changed: 3\n")
    assert "3/3" in done.stderr
    assert queue.json("list") == []
    assert "cancel what?" in queue.refused("cancel")
    assert "no ledger row 999999" in queue.refused("show", "999999")
    assert "campaign or by address" in queue.refused("list", "--state", "delivered")
