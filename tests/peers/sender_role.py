"""The sender role in a process of its own, on stores that the test fills.

`python -m peers.sender_role` is the process: it reads a JSON line (folder, location, position, of, settings), prints
one line when the role is ready, and serves until SIGTERM.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mta.outbound import daemon
from peers.rows import VAULT
from role.context import Context
from role.log import EventLog
from store.settings import Settings
from store.spool import Spool
from store.stores import open_stores

ROOT = Path(__file__).parents[2]


@dataclass
class SenderRole:
    folder: Path
    location: str
    settings: Mapping[str, Any]
    position: int = 0
    of: int = 1
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        order = {
            "folder": str(self.folder), "location": self.location, "settings": dict(self.settings),
            "position": self.position, "of": self.of,
        }  # fmt: skip
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "peers.sender_role"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.close()
        assert self.process.stdout.readline(), f"the sender did not start: {self.log()[-3000:]}"

    def stop(self) -> None:
        """SIGTERM; it ends by itself, with status 0, in the time promised."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()
        assert status == 0, self.log()[-3000:]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    @property
    def _log(self) -> Path:
        return self.folder / f"sender-{self.position}.log"

    def log(self) -> str:
        return self._log.read_text()


def main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # ends with the test
    order = json.loads(sys.stdin.readline())
    folder = Path(order["folder"])
    stores = open_stores(order["location"])
    context = Context(
        name="sender",
        position=order["position"],
        of=order["of"],
        node="test",
        settings=msgspec.convert(order["settings"], Settings, strict=False),
        stores=stores,
        spool=Spool(folder / "spool"),
        vault=VAULT,
        log=EventLog("sender"),
        certificate=folder / "none",
        private_key=folder / "none",
        sockets={"metrics": socket.create_server(("127.0.0.1", 0))},
        public_url="https://ours.test",
        ready=lambda: print("ready", flush=True),
    )
    daemon.run(context)
    stores.close()


if __name__ == "__main__":
    main()
