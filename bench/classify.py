"""`mailloft classify --json` against Debian's Sisimai (Perl) over the same files: messages a second, one process each.

The labelled corpus beside the checkout is passed again and again until COUNT messages are read; rates are from the
first lines that come out to the last, so start-up is not counted (CPU includes it). Alternating. Sisimai knows nothing
of replies, auto-replies and mail to many; it gives an empty list for them, which is its line. `recipients` is the
share of labelled recipients that each found, so that nobody is fast by not looking.
`make bench NAME=classify ARGS="messages pairs"`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from measure.report import Run, finish, fsync_ms, load, ratio, side
from peers import need

CORPUS: Final = Path(__file__).parents[2] / "shared" / "corpora" / "bounces"
LEAST: Final = 1000
OURS: Final = (str(Path(sys.executable).with_name("mailloft")), "classify", "--json")
# One line of JSON a file, as ours: what Sisimai's own `dump` gives, with delivered and vacation ones asked for.
_PERL: Final = """
use Sisimai;
for my $file (@ARGV) {
    my $made = Sisimai->make($file, 'delivered' => 1, 'vacation' => 1) // [];
    my $json = join ',', map { $_->dump('json') } @$made;
    $json =~ s/\\n/ /g;
    print "[$json]\\n";
}
"""
SIDES: Final = {"ours": OURS, "sisimai": ("perl", "-e", _PERL)}


@dataclass(frozen=True, slots=True)
class Passed:
    """`first` are the lines of the first pass through the corpus; of the others only their number is kept."""

    run: Run
    first: list[bytes]
    lines: int


def main(count: int, pairs: int) -> int:
    need.program("perl", "libsisimai-perl")
    labels = [json.loads(line) for line in (CORPUS / "labels.jsonl").read_text("utf-8").splitlines()]
    files = [label["file"] for label in labels]
    runs: dict[str, list[Run]] = {name: [] for name in SIDES}
    found: dict[str, float] = {}
    checks: dict[str, bool] = {}
    for _ in range(pairs):
        for name, command in SIDES.items():
            passed = _passed(command, list(islice(cycle(files), count)), len(files))
            runs[name].append(passed.run)
            found[name] = _share_found(labels, passed.first)
            told = f"a line for each file from {name}"
            checks[told] = checks.get(told, True) and passed.lines == count
            print(f"{name:8} {passed.run}  recipients {found[name]:.3f}  load {load()}", flush=True)
    mine = runs.pop("ours")
    checks[f"at least {LEAST} a second"] = side(mine)["rate"] >= LEAST
    checks["ours finds more recipients"] = found["ours"] > found["sisimai"]
    return finish({
        "bench": "classify", "ours": side(mine), "peers": {name: side(kept) for name, kept in runs.items()},
        "ratios": {name: ratio(mine, kept) for name, kept in runs.items()}, "recipients": found,
        "messages": count, "fsync_ms": fsync_ms(), "load": load(), "settings": {}, "checks": checks,
    })  # fmt: skip


def _passed(command: Sequence[str], files: Sequence[str], kept: int) -> Passed:
    """One process over all files, pinned to one core."""
    read, write = os.pipe()
    pinned = ["taskset", "-c", "0", *command, *files]
    process = subprocess.Popen(pinned, cwd=CORPUS, stdout=write, stderr=subprocess.DEVNULL)
    os.close(write)
    head, lines, before, began = b"", 0, 0, 0.0
    while chunk := os.read(read, 1 << 20):
        if not began:
            began, before = time.monotonic(), chunk.count(b"\n")
        if lines < kept:
            head += chunk
        lines += chunk.count(b"\n")
    seconds = time.monotonic() - began
    os.close(read)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    run = Run(lines - before, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
    return Passed(run, head.splitlines()[:kept], lines)


def _share_found(labels: Sequence[dict[str, Any]], lines: Sequence[bytes]) -> float:
    """Of the recipients that the labels name."""
    wanted = got = 0
    for label, line in zip(labels, lines, strict=True):
        named = _named(json.loads(line.decode("utf-8", "replace")))
        for expected in label["expected"]:
            names = {name.lower() for name in (expected["recipient"], *expected["alt"]) if name}
            wanted += bool(names)
            got += bool(names & named)
    return round(got / wanted, 4)


def _named(told: Any) -> set[str]:
    rows = told if isinstance(told, list) else told.get("recipients", [])
    return {str(row["recipient"]).lower() for row in rows if row["recipient"]}


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:]) if sys.argv[1:] else (20_000, 3)))
