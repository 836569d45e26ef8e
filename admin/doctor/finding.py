"""What a check found, and what a check may look at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from admin.office import Office
from net.resolver import Resolver


class Verdict(Enum):
    """UNKNOWN: it could not be looked at, which is told and fails nothing."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` names the thing, as "port 25"; `told` is what was seen; `mend` is empty where nothing has to be done."""

    check: str
    what: str
    verdict: Verdict
    told: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Premises:
    """`ports` by the names of admin/ports.py, those of metrics as "metrics.<process>"."""

    folder: Path
    office: Office
    resolver: Resolver
    ports: Mapping[str, int]
    now: datetime
