"""Our side of the benches: the appliance as `mailloft up` starts it, with a project, its domain and its sender.

What differs from the defaults is `settings`: addresses, ports and DNS, and it is printed with the result.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lab.newsletter import issue
from peers.appliance import Appliance
from peers.loopback import wait_until
from peers.names import Names

DOMAIN = "bench.test"
SOURCES = {"127.0.3.1": "out1.bench.test", "127.0.3.2": "out2.bench.test"}

_SETTINGS = """\
[dns]
servers = ["{names}"]
[outbound]
port = {port}
sources = [{sources}]
"""


class Ours:
    """The appliance with its project, its domain, and a list for each audience."""

    def __init__(self, folder: Path, names: Names, port: int) -> None:
        sources = ", ".join(f'{{ address = "{address}", ehlo = "{ehlo}" }}' for address, ehlo in SOURCES.items())
        self.settings = _SETTINGS.format(names=names.listening, port=port, sources=sources)
        self.appliance = Appliance(folder, self.settings)
        self.appliance.start()
        with self.appliance.api() as operator:
            made = operator.post("/projects", json={"name": "bench", "campaigns_allowed": True}).json()
            self._api = self.appliance.api(made["api_key"])
            names.publish(self._post("/domains", json={"name": DOMAIN})["records"])
            states = {"owned": True, "sending": True, "linked": True}
            operator.patch(f"/domains/{DOMAIN}", params={"project": "bench"}, json=states).raise_for_status()
        mailbox = {"address": f"news@{DOMAIN}", "password": None, "quota_bytes": None}
        self._post("/mailboxes", json=mailbox)
        self._sender = self._post("/senders", json={"address": mailbox["address"], "display_name": "Bench"})["id"]
        self._issues = 0

    def _post(self, path: str, **how: Any) -> Any:
        answer = self._api.post(path, **how)
        if answer.is_error:
            raise AssertionError(f"POST {path}: {answer.status_code} {answer.text}\n{self.appliance.tail()}")
        return answer.json()

    def import_list(self, name: str, addresses: list[str]) -> str:
        audience = self._post("/lists", json={"name": name})["id"]
        rows = "".join(f"{address};{name_of(address)};Brno\n" for address in addresses)
        sheet = ("address;first_name;city\n" + rows).encode()
        job = self._post(f"/lists/{audience}/imports", content=sheet, headers={"Content-Type": "text/csv"})["id"]
        wait_until(lambda: self._api.get(f"/imports/{job}").json()["state"] == "finished", "the import", 120)
        return str(audience)

    def send(self, audience: str) -> dict[str, int]:
        """Launch a campaign and wait for its last settled row; its counts."""
        self._issues += 1
        campaign = self._post("/campaigns", json=issue(self._issues, 1, self._sender, audience))["id"]
        self._post(f"/campaigns/{campaign}/launch", json={"at": None})
        while True:
            state = self._api.get(f"/campaigns/{campaign}").json()
            if state["state"] == "finished":
                return {name: count for name, count in state["counts"].items() if count}
            time.sleep(0.05)

    def keys(self) -> dict[str, bytes]:
        """The TXT records that a verifier asks for, by name."""
        shown = self._api.get(f"/domains/{DOMAIN}").json()["records"]
        return {one["host"].rstrip("."): one["value"].encode() for one in shown if one["type"] == "TXT"}

    def stop(self) -> None:
        self._api.close()
        self.appliance.stop()


def name_of(address: str) -> str:
    """The first name that a client of this address has."""
    return address.partition("@")[0].title()
