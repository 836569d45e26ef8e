"""The lab's name server as a process, with a zone that a test adds to while it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

Record = Mapping[str, str]  # {"host", "type", "value"}


class Names:
    def __init__(self, folder: Path, records: Iterable[Record] = (), listen: str = "127.0.0.1:0", ttl: int = 1) -> None:
        """Start it, on a free port of loopback unless told otherwise; `listening` is its host:port."""
        self._ttl = ttl
        folder.mkdir(parents=True, exist_ok=True)
        self._zone = folder / "zone.json"
        self.records: list[Record] = []
        self.publish(records)
        self.listening = listen
        self.start()

    def start(self) -> None:
        """Also again, on the same port, after `stop`."""
        command = [sys.executable, "-m", "lab.nameserver", "--zone", str(self._zone), "--listen", self.listening]
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the lab's name server did not start; its stderr says why"
        self.listening = json.loads(line)["listening"]

    def publish(self, records: Iterable[Record]) -> None:
        """Add records; they count from the next question on."""
        self.records += records
        fresh = self._zone.with_suffix(".new")
        fresh.write_text(json.dumps({"ttl": self._ttl, "records": [dict(record) for record in self.records]}))
        fresh.replace(self._zone)

    def txt(self) -> dict[str, str]:
        """Every TXT record by its name, without quotes: what a verifier asks for."""
        return {one["host"].rstrip("."): one["value"] for one in self.records if one["type"] == "TXT"}

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


def record(host: str, kind: str, value: str) -> Record:
    return {"host": host, "type": kind, "value": value}
