"""`make fuzz SECONDS=n`: every fuzzer for n seconds; `PYTHONPATH=tests python -m fuzz SECONDS [TARGET...]`.

A target that breaks is told with its input, kept in a file of the folder for temporary files; exit status 1. Each run
tries other inputs, but for NUMBER=n in the environment, which repeats those of a run.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Final

from fuzz import fields, imap, imap_session, mails, reports, session
from fuzz.target import Finding, Target, run

TARGETS: Final[tuple[Target, ...]] = (
    *mails.TARGETS, *fields.TARGETS, *reports.TARGETS, *session.TARGETS, *imap.TARGETS, *imap_session.TARGETS,
)  # fmt: skip


def main(seconds: float, wanted: list[str]) -> int:
    """`seconds` for each; those whose name has one of the `wanted` words, or all."""
    number = int(os.environ.get("NUMBER", time.time_ns() % 1_000_000))
    print(f"NUMBER={number}, {seconds} s each", flush=True)
    status = 0
    for target in TARGETS:
        if wanted and not any(word in target.name for word in wanted):
            continue
        tried, finding = run(target, seconds, number)
        print(f"{target.name:16} {tried:7} inputs {'BROKEN' if finding else 'ok'}", flush=True)
        if finding:
            status = 1
            _tell(finding)
    return status


def _tell(finding: Finding) -> None:
    traceback.print_exception(finding.error)
    with tempfile.NamedTemporaryFile(prefix="mailloft-fuzz-", delete=False) as file:
        Path(file.name).write_bytes(finding.octets)
    print(f"{finding.target}: {len(finding.octets)} octets in {file.name}: {finding.octets[:300]!r}", flush=True)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 5.0, sys.argv[2:]))
