"""/doctor: what the clock found at its last round over this machine; for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter

from admin import examining
from admin.api.doors import Operator, TheOffice
from admin.doctor.finding import Finding
from admin.refusals import NotFoundError

router = APIRouter(tags=["doctor"])


@dataclass(frozen=True, slots=True)
class Examination:
    """Every ten minutes anew; `mailloft doctor` examines at once."""

    at: datetime
    wrong: int
    warnings: int
    findings: list[Finding]


@router.get("/doctor")
def show_examination(office: TheOffice, _caller: Operator) -> Examination:
    """Ports, certificates, names, blocklists, queue, disk, clock and backups, each with its mend."""
    found = examining.last_of(office.folder)
    if found is None:
        raise NotFoundError("nothing was examined yet; the clock goes its first round seconds after its start")
    verdicts = [one.verdict.value for one in found.findings]
    return Examination(found.at, verdicts.count("wrong"), verdicts.count("warning"), list(found.findings))
