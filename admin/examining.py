"""The doctor's rounds: the clock examines its machine every ten minutes and leaves what it found in DIR/doctor.json.

In a thread of its own, since name servers and ports may take their time. The metrics count the findings; the API and
the panel read the file (`last_of`), so that asking costs nothing and what they show is what the alerts are about.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import Gauge

from admin import keepsakes
from admin.doctor.examination import CHECKS, examine
from admin.doctor.finding import Finding, Premises, Verdict
from admin.office import Office
from net.resolver import Resolver
from role.context import Context
from role.log import EventLog

EVERY: Final = 600.0  # seconds
_AFTER_START: Final = 3.0  # seconds, so that the other roles answer
_FILE: Final = "doctor.json"
_GROUP_TOO: Final = 0o640  # the admin role, another user, reads it
FINDINGS: Final = Gauge("mailloft_doctor_findings", "What the doctor found at its last round, by check and verdict", [
    "check", "verdict",
])  # fmt: skip
EXAMINED: Final = Gauge("mailloft_doctor_examined_timestamp_seconds", "When that round was, seconds since 1970")


class Examined(msgspec.Struct, frozen=True):
    at: datetime
    findings: Sequence[Finding]


def watch(office: Office, context: Context, resolver: Resolver, stopping: threading.Event) -> None:
    """Until `stopping`; the body of the thread."""
    pause = _AFTER_START
    while not stopping.wait(pause):
        pause = EVERY
        try:
            examine_now(Premises(context.folder, office, resolver, context.ports, office.now()), context.log)
        except Exception as error:  # noqa: BLE001 - as every duty's: told, and tried again
            context.log.error("examination failed", raised=error)


def examine_now(premises: Premises, log: EventLog) -> Examined:
    """One round: metrics, the file, and a line of the log for what is wrong."""
    examined = Examined(premises.now, list(examine(premises)))
    for (check, verdict), count in _counted(examined.findings).items():
        FINDINGS.labels(check, verdict.value).set(count)
    EXAMINED.set(premises.now.timestamp())
    keepsakes.replace(premises.folder / _FILE, msgspec.json.encode(examined) + b"\n", _GROUP_TOO)
    for one in examined.findings:
        if one.verdict is Verdict.WRONG:
            log.warning("doctor", check=one.check, what=one.what, told=one.told, mend=one.mend)
    return examined


def last_of(folder: Path) -> Examined | None:
    """The last round on this machine. Raises KeepsakeError where the file is damaged."""
    return keepsakes.read(folder / _FILE, Examined)


def _counted(findings: Sequence[Finding]) -> Mapping[tuple[str, Verdict], int]:
    """With a 0 for every verdict that a check did not give: a series that only vanishes says nothing."""
    names = {name for name, _ in CHECKS} | {one.check for one in findings}
    counted = Counter({(name, verdict): 0 for name in names for verdict in Verdict})
    counted.update((one.check, one.verdict) for one in findings)
    return counted
