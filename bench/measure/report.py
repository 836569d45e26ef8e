"""The end of every bench: medians of the pairs, the checks, and one JSON object as the last line (CONTRACTS)."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one side: `messages` in `seconds`, with the CPU and the memory of all its processes."""

    messages: int
    seconds: float
    cpu_s: float
    peak_mb: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    def __str__(self) -> str:
        return f"{self.rate:8.1f}/s  {1000 * self.cpu_s / self.messages:6.2f} s CPU per 1000  {self.peak_mb:6.0f} MB"


def side(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "rate": round(statistics.median(run.rate for run in runs), 1),
        "cpu_s_per_1000": round(statistics.median(1000 * run.cpu_s / run.messages for run in runs), 3),
        "peak_mb": round(max(run.peak_mb for run in runs), 1),
    }


def ratio(ours: Sequence[Run], peer: Sequence[Run]) -> float:
    """Ours / peer, the median of the pairs; above 1 is better for us."""
    return round(statistics.median(a.rate / b.rate for a, b in zip(ours, peer, strict=True)), 2)


def fsync_ms() -> float:
    """What a durable write of 4 kB costs here; median of 200."""
    with tempfile.NamedTemporaryFile() as file:
        taken = []
        for _ in range(200):
            file.write(os.urandom(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return round(1000 * statistics.median(taken), 3)


def load() -> float:
    """Of the last minute: how busy the machine is with this and with whatever else."""
    return round(os.getloadavg()[0], 1)


def finish(result: Mapping[str, Any]) -> int:
    """Print the last line; the exit status: 1 when a check is false."""
    print(json.dumps(result), flush=True)
    return 0 if all(result["checks"].values()) else 1


def scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mailloft-bench-"))
    folder.chmod(0o755)
    return folder
