"""Our side of the benches: the appliance as `mailloft up` starts it, with a project, its domain and its sender.

What differs from the defaults is `settings`, the same for all benches: addresses, ports, DNS, and drivers on loopback
that need not sign in. It is printed with each result. The limits are the shipped ones, 5 connections from a source to
a host: with 25, each of 2,000 connections carries a few messages only, and the rate falls by two fifths.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from measure.letter import letter, sheet
from measure.processes import thread_seconds
from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.names import Names

DOMAIN = "bench.test"
SENDER = f"news@{DOMAIN}"
CONNECTION = "driver"  # smtp-source sends as this one
URGENT = "urgent"  # a transactional one
SOURCES = {"127.0.3.1": "out1.bench.test", "127.0.3.2": "out2.bench.test"}

_SETTINGS = """\
[dns]
servers = ["{names}"]
[outbound]
port = {port}
sources = [{sources}]
[submission]
trusted = [{{ network = "127.0.0.1/32", connection = "driver" }}, {{ network = "127.0.5.1/32", connection = "urgent" }}]
"""
_CLAIMED = "SELECT 1 FROM recipients WHERE state = 'inflight' LIMIT 1"


class Ours:
    """The appliance with its project, its domain, and a list for each audience."""

    def __init__(self, folder: Path, names: Names, port: int, database: str = "") -> None:
        """`database`: a PostgreSQL URL, or empty for SQLite."""
        sources = ", ".join(f'{{ address = "{address}", ehlo = "{ehlo}" }}' for address, ehlo in SOURCES.items())
        self.settings = _SETTINGS.format(names=names.listening, port=port, sources=sources)
        where = f'[storage]\ndatabase = "{database}"\n' if database else ""
        self.appliance = Appliance(folder, self.settings + where)
        self.appliance.start()
        with self.appliance.api() as operator:
            made = operator.post("/projects", json={"name": "bench", "campaigns_allowed": True}).json()
            self._api = self.appliance.api(made["api_key"])
            names.publish(self._post("/domains", json={"name": DOMAIN})["records"])
            states = {"owned": True, "sending": True, "linked": True}
            operator.patch(f"/domains/{DOMAIN}", params={"project": "bench"}, json=states).raise_for_status()
            self._post("/mailboxes", json={"address": SENDER, "password": None, "quota_bytes": None})
            self._sender = self._post("/senders", json={"address": SENDER, "display_name": "Bench"})["id"]
            for name in (CONNECTION, URGENT):
                body = {"name": name, "sender": self._sender, "transactional": name == URGENT}
                operator.post("/connections", params={"project": "bench"}, json=body).raise_for_status()
        self._issues = 0

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.appliance.pid,)

    @property
    def submission(self) -> int:
        """The port that takes mail from programs."""
        return int(self.appliance.ready["submission"])

    def _post(self, path: str, **how: Any) -> Any:
        answer = self._api.post(path, **how)
        if answer.is_error:
            raise AssertionError(f"POST {path}: {answer.status_code} {answer.text}\n{self.appliance.tail()}")
        return answer.json() if answer.content else None

    def import_list(self, name: str, addresses: list[str]) -> str:
        audience = self._post("/lists", json={"name": name})["id"]
        content, kind = sheet(addresses), {"Content-Type": "text/csv"}
        job = self._post(f"/lists/{audience}/imports", content=content, headers=kind)["id"]
        wait_until(lambda: self._api.get(f"/imports/{job}").json()["state"] == "finished", "the import", 300)
        return str(audience)

    def draft(self, audience: str) -> str:
        self._issues += 1
        return str(self._post("/campaigns", json=letter(self._issues, self._sender, audience))["id"])

    def launch(self, campaign: str) -> None:
        self._post(f"/campaigns/{campaign}/launch", json={"at": None})

    def cancel(self, campaign: str) -> None:
        self._post(f"/campaigns/{campaign}/cancel")

    def first_claim(self) -> float:
        """The moment (monotonic) when a sender has its first row; nothing is rendered or signed before."""
        core = sqlite3.connect(f"file:{self.appliance.folder}/core.db?mode=ro", uri=True)
        with closing(core):
            wait_until(lambda: core.execute(_CLAIMED).fetchone(), "a row is claimed", 60, 0.005)
        return time.monotonic()

    def send(self, campaign: str) -> dict[str, int]:
        """Launch it and wait for its last settled row; its counts."""
        self.launch(campaign)
        return self.settled(campaign)

    def settled(self, campaign: str) -> dict[str, int]:
        """The counts once each row has ended."""
        while True:
            counts = self._api.get(f"/campaigns/{campaign}").json()["counts"]
            all_rows, left = sum(counts.values()), counts["queued"] + counts["inflight"]
            if all_rows and not left:
                return {state: count for state, count in counts.items() if count}
            # Each question costs our side 3 ms of CPU, so few of them until the end is near.
            time.sleep(0.02 if left < all_rows / 20 else 0.2)

    def spent(self) -> dict[str, float]:
        """CPU seconds so far of each process, the senders' loop apart from their threads, which do the SQL."""
        found = {}
        for name in self.appliance.ready["metrics"]:
            loop, threads = thread_seconds(self.appliance.pid_of(name))
            if name.startswith("sender"):
                found[f"{name} loop"], found[f"{name} threads"] = loop, threads
            else:
                found[name] = loop + threads
        return found

    def keys(self) -> dict[str, bytes]:
        """The TXT records that a verifier asks for, by name."""
        shown = self._api.get("/domains").json()["items"][0]["records"]
        return {one["host"].rstrip("."): one["value"].encode() for one in shown if one["type"] == "TXT"}

    def stop(self) -> None:
        self._api.close()
        self.appliance.stop()
