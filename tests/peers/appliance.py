"""The appliance itself, started as people start it: `mailloft up --json`, met at its ports, stopped or killed.

The program is the one of the running Python's environment, so the same tests meet a checkout's or a wheel's.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from peers.loopback import wait_until

PROGRAM = Path(sys.prefix) / "bin" / "mailloft"
STARTS_IN = 150.0  # seconds, on a machine busy with other tests; what is promised has a test of its own
STOPS_IN = 10.0  # seconds; CONTRACTS: SIGTERM ends it within that


class Appliance:
    def __init__(self, folder: Path, settings: str = "", *options: str) -> None:
        """Not started yet. `settings` is the text of its TOML file; `folder` keeps DIR and the log."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder / "dir"
        self._log = folder / "log"
        self._file = folder / "mailloft.toml"
        self._file.write_text(settings)
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.ready: dict[str, Any] = {}

    def start(self) -> dict[str, Any]:
        """Start it, again too; the JSON line that says where everything answers."""
        command = [PROGRAM, "up", "--json", "--dir", self.folder, "--config", self._file, *self._options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.ready = json.loads(self._first_line())
        return self.ready

    def _first_line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        line, end = b"", time.monotonic() + STARTS_IN
        while not line.endswith(b"\n"):
            line += self._process.stdout.read() or b""
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(
                    f"`mailloft up` did not become ready (status {self._process.poll()})\n{self.tail()}"
                )
            time.sleep(0.02)
        return line

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM; it must end by itself, with status 0, in the time promised."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            status = process.wait(STOPS_IN)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise AssertionError(f"still running {STOPS_IN:.0f} s after SIGTERM\n{self.tail()}") from error
        assert status == 0, f"status {status} after SIGTERM\n{self.tail()}"

    def kill_parent(self) -> None:
        """kill -9 of the parent; returns when its children are gone too, as they must be."""
        assert self._process is not None
        children = self._children()
        self._process.kill()
        self._process.wait()
        self._process = None
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the children end too", 10)

    def kill(self, process: str) -> None:
        """kill -9 of one process by its name among `metrics`: "mx", "sender-1", ..."""
        os.kill(self.pid_of(process), signal.SIGKILL)

    def pid_of(self, process: str) -> int:
        """Who answers on that metrics port: the holder of the other end of a connection to it."""
        where = urlsplit(self.ready["metrics"][process])
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=10) as connection:
            ours = connection.getsockname()[1]
            wait_until(lambda: self._holder(where.port or 0, ours), f"{process} answers on its metrics port", 10)
            return self._holder(where.port or 0, ours)

    def _holder(self, port: int, peer_port: int) -> int:
        inode = _inode(port, peer_port)
        for pid in self._children() if inode else []:
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    if descriptor.readlink().name == f"socket:[{inode}]":
                        return pid
                except FileNotFoundError:
                    continue
        return 0

    def _children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def api(self, key: str | None = None) -> httpx.Client:
        """A client of the HTTP API with the operator's key, or another."""
        headers = {"Authorization": f"Bearer {key or self.ready['api_key']}"}
        trusts = ssl.create_default_context(cafile=self.ready["ca"])
        return httpx.Client(base_url=f"{self.ready['admin']}/api/v1", headers=headers, verify=trusts, timeout=30)

    def metrics(self, process: str) -> str:
        return httpx.get(f"{self.ready['metrics'][process]}/metrics", timeout=10).text

    def tail(self, lines: int = 60) -> str:
        """The end of its log, for the message of a failed assertion."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])


def _inode(port: int, peer_port: int) -> int:
    """The inode of the accepted end of a TCP connection on loopback; 0 while nobody accepted it."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (int(fields[1].rpartition(":")[2], 16), int(fields[2].rpartition(":")[2], 16)) == (port, peer_port):
            return int(fields[9])
    return 0
