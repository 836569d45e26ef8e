"""The slow hosts of tests/peers/slow_hosts.py as a process, and their book."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers.loopback import free_port


@dataclass(frozen=True, slots=True)
class Copy:
    """One message that a host took."""

    at: float
    source: str
    recipient: str
    message_id: str
    token: str


class SlowHosts:
    def __init__(self, book: Path, addresses: Sequence[str], delay: float) -> None:
        """Start them, all on `port`; each thinks `delay` seconds about each message."""
        self._book = book
        self._read = 0  # octets of the book
        self._seen: list[Copy] = []
        self.port = free_port(addresses[0])
        program = Path(__file__).with_name("slow_hosts.py")
        command = [sys.executable, program, book, str(self.port), str(delay), *addresses]
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"

    def __enter__(self) -> SlowHosts:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def arrived(self) -> list[Copy]:
        """Every copy that a host took since the last `turn_page`, in their order."""
        if self._book.exists():
            with self._book.open("rb") as book:
                book.seek(self._read)
                whole, _, _ = book.read().rpartition(b"\n")
            if whole:
                self._read += len(whole) + 1
                found = (line.split() for line in whole.decode().splitlines())
                self._seen += [Copy(float(at), *rest) for at, *rest in found]
        return list(self._seen)

    def turn_page(self) -> None:
        """Forget what was seen, so that a count of millions stays small."""
        self.arrived()
        self._seen = []
