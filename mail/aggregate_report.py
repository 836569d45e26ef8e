"""What a DMARC aggregate report says: rows of one day about one policy (RFC 7489 §7.2 and appendix C).

Pure values, of reports that we write (mail/aggregate_write) and of those that we read (mail/aggregate_read). Words are
kept as text: what others report need not be a word that we know.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class SignatureResult:
    domain: str
    selector: str
    result: str


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """Mail of one kind from one address. `dkim` and `spf`: pass where aligned; `reason`: why less was done, or ""."""

    source: str
    disposition: str
    dkim: str
    spf: str
    reason: str
    header_from: str
    envelope_from: str
    spf_domain: str
    spf_scope: str
    spf_result: str
    signatures: tuple[SignatureResult, ...]


@dataclass(frozen=True, slots=True, order=True)
class PolicySeen:
    """The record as published, its tags as text; "" where absent. `domain` has it."""

    domain: str
    adkim: str
    aspf: str
    p: str
    sp: str
    np: str
    pct: str
    testing: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One report; `rows` with how many messages each stands for. `end` is the last second of the time."""

    organization: str
    contact: str
    identity: str
    begin: datetime
    end: datetime
    policy: PolicySeen
    rows: tuple[tuple[Row, int], ...]
