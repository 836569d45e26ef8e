"""Remote hosts that defer, refuse or speak TLS (host_process.py), started and counted."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

from measure.sinks import FIRST, SINKS

_PROGRAM: Final = Path(__file__).with_name("host_process.py")


class Hosts:
    """Hosts on the addresses of Sinks."""

    def __init__(self, port: int, folder: Path, defer: int = 0, refuse: int = 0, tls: bool = False) -> None:
        """`defer`, `refuse`: how many of a hundred recipients."""
        self._book = folder / "hosts"
        self._book.write_bytes(bytes(24))
        addresses = [f"{FIRST}{number}" for number in range(1, SINKS + 1)]
        given = [self._book, port, defer, refuse, int(tls), *addresses]
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, _PROGRAM, *map(str, given)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the hosts did not start; their stderr says why"

    def counts(self) -> tuple[int, int, int]:
        """Recipients taken, deferred, refused."""
        taken, deferred, refused = struct.unpack("=QQQ", self._book.read_bytes())
        return taken, deferred, refused

    def taken(self) -> int:
        return self.counts()[0]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
