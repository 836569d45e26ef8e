"""CPU and memory of one side of a bench: a process and all that come from it, as the kernel counts them.

CPU of children that ended is in their parent's sum. Memory is PSS, so pages that forks share count once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> Iterator[int]:
    """The process and its descendants that live."""
    yield pid
    for task in _listed(Path(f"/proc/{pid}/task")):
        for child in _read(task / "children").split():
            yield from tree(int(child))


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree so far."""
    return sum(_ticks(one) for one in tree(pid)) / _TICKS


def _ticks(pid: int) -> int:
    # After the name, which may hold blanks: utime, stime, cutime, cstime are fields 14 to 17 (proc(5)).
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) if fields else 0


def thread_seconds(pid: int) -> tuple[float, float]:
    """User and system time of a process's first thread, and of its others together."""
    spent = {int(task.name): _ticks_of(task / "stat") / _TICKS for task in _listed(Path(f"/proc/{pid}/task"))}
    first = spent.pop(pid, 0.0)
    return first, sum(spent.values())


def _ticks_of(file: Path) -> int:
    fields = _read(file).rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) if fields else 0


def memory_mb(pid: int) -> float:
    """PSS of the tree now."""
    lines = (_read(Path(f"/proc/{one}/smaps_rollup")).splitlines() for one in tree(pid))
    return sum(int(line.split()[1]) for each in lines for line in each if line.startswith("Pss:")) / 1024


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # it ended between two looks
        return ""


class Watch:
    """CPU spent by some trees together, and their largest memory, between enter and exit."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self.cpu_s = self.peak_mb = 0.0
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self.cpu_s = -sum(map(cpu_seconds, self._pids))
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._looking.join()
        self.cpu_s += sum(map(cpu_seconds, self._pids))

    def _look(self) -> None:
        while True:
            self.peak_mb = max(self.peak_mb, sum(map(memory_mb, self._pids)))
            if self._ended.wait(1.0):
                return
