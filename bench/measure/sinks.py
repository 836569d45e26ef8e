"""The remote hosts of outbound benches: Debian's smtp-sink, one process an address, which count what they took."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from peers import need
from peers.loopback import answers, wait_until

FIRST: Final = "127.0.4."  # and from .1 on
SINKS: Final = 4  # processes: with one for each of 40 domains, waking them is a fifth of what two cores do
_COUNTED: Final = re.compile(rb"mesg=(\d+)")


class Sinks:
    def __init__(self, port: int, folder: Path, keep_in: Path | None = None) -> None:
        """Start them on `port`; `keep_in`: each message is kept there as a file."""
        program = need.program("smtp-sink", "postfix")
        self.addresses = [f"{FIRST}{number}" for number in range(1, SINKS + 1)]
        self._outputs = [folder / f"sink-{address}" for address in self.addresses]
        # Not by its own -u: a process that changes its user outlives its parent.
        as_nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        if keep_in is not None and as_nobody:
            shutil.chown(keep_in, "nobody")
        self._processes = []
        for address, output in zip(self.addresses, self._outputs, strict=True):
            # A name of its own for each: a file that is there already ends the sink.
            keeping = [] if keep_in is None else ["-d", f"{keep_in}/{address}-%M."]
            command = [program, "-c", *keeping, f"{address}:{port}", "1024"]
            with output.open("wb") as writing:
                self._processes.append(
                    subprocess.Popen(
                        ["setpriv", "--pdeathsig", "KILL", *as_nobody, *command], stdout=writing, stderr=writing
                    )
                )
        wait_until(lambda: all(answers(address, port) for address in self.addresses), "the sinks answer")

    def taken(self) -> int:
        """How many messages all of them have taken so far; each prints a running count."""
        return sum(_last_count(output) for output in self._outputs)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)


def _last_count(output: Path) -> int:
    with output.open("rb") as reading:
        reading.seek(max(0, output.stat().st_size - 200))
        counts = _COUNTED.findall(reading.read())
    return int(counts[-1]) if counts else 0
