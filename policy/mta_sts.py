"""MTA-STS as a domain states it (RFC 8461): the TXT record that announces a policy, the policy, and which MX it covers.

Pure. Called by net/sts_policies.py for what it looked up and by net/tls_policy.py for every host. `parse` raises
ValueError saying what is wrong with a policy; a record that is wrong is none (§3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

import idna

POLICY_LIMIT: Final = 64 * 1024  # octets, §3.3
_LONGEST: Final = 31_557_600  # seconds, §3.2
_RECORD: Final = re.compile(r"v=STSv1\s*;(.*)", re.DOTALL)
_IDENTITY: Final = re.compile(r"[A-Za-z0-9]{1,32}")


class Mode(Enum):
    ENFORCE = "enforce"
    TESTING = "testing"  # what fails is reported and the mail still goes
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """`mx`: host names in lower-case A-labels, or such a name behind `*.`; `text`: the lines as they were served."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: timedelta
    text: str

    def covers(self, host: str) -> bool:
        """Whether that MX may get the domain's mail; a wildcard stands for exactly one label (§4.1)."""
        name = host.rstrip(".").lower()
        beyond = name.partition(".")[2]
        return any(beyond == one[2:] if one.startswith("*.") else name == one for one in self.mx)


def identity(records: Iterable[str]) -> str | None:
    """The id of the one STSv1 record among a name's TXT records; None where there is none, two, or a broken one."""
    found = [match[1] for text in records if (match := _RECORD.fullmatch(text))]
    if len(found) != 1:
        return None
    fields = dict(_field(part, "=") for part in found[0].split(";") if part.strip())
    told = fields.get("id", "")
    return told if _IDENTITY.fullmatch(told) else None


def parse(octets: bytes) -> StsPolicy:
    """The policy of `.well-known/mta-sts.txt`. Of a key that is there twice the first counts, of `mx` all (§3.2)."""
    try:
        lines = [_field(line, ":") for line in octets.decode().splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise ValueError("the policy is not UTF-8") from None
    first = dict(reversed(lines))
    if first.get("version") != "STSv1":
        raise ValueError("the policy does not say `version: STSv1`")
    try:
        mode = Mode(first.get("mode", ""))
    except ValueError:
        raise ValueError("the policy's mode is none of enforce, testing, none") from None
    age = first.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise ValueError("the policy's max_age is no number of seconds")
    mx = tuple(_pattern(value) for name, value in lines if name == "mx")
    if not mx and mode is not Mode.NONE:
        raise ValueError("the policy names no mx")
    served = "\n".join(f"{name}: {value}" for name, value in lines)
    return StsPolicy(mode, mx, timedelta(seconds=min(int(age), _LONGEST)), served)


def _field(text: str, separator: str) -> tuple[str, str]:
    name, _, value = text.partition(separator)
    return name.strip(), value.strip()


def _pattern(value: str) -> str:
    wildcard = value.startswith("*.")
    name = value[2:] if wildcard else value
    try:
        host = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError(f"the policy's mx {value[:80]!r} is no host name") from None
    return f"*.{host.rstrip('.')}" if wildcard else host.rstrip(".")
