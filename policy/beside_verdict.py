"""What receivers look at beside the records that decide what a domain may do: MTA-STS, and the names of our addresses.

Pure. Asked by admin/acts/domain_checks.py after policy/domain_verdict.py; the same findings, no state follows from
them. RFC 8461 §3.1 (the record), §3.3 (the policy's host), RFC 1912 §2.1 (PTR and its way back).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from policy.domain_records import STS_LABEL, DnsRecord, sts_records
from policy.domain_verdict import OK, UNKNOWN, Facts, Finding, absent
from policy.mta_sts import identity


@dataclass(frozen=True, slots=True)
class SourceNames:
    """An address that we send from: the EHLO name it has, its PTR names, and the addresses of that EHLO name."""

    address: str
    ehlo: str
    names: Sequence[str]
    forward: Sequence[str]


def findings(facts: Facts, hosts: Mapping[str, Sequence[str]], sources: Iterable[SourceNames]) -> list[Finding]:
    """`hosts`: the addresses of our host name and of the policy's host."""
    return [*_sts(facts, hosts), *(_names(one) for one in sources if not ip_address(one.address).is_loopback)]


def _sts(facts: Facts, hosts: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Only where mail comes here: elsewhere the policy is not ours to state."""
    arrives = any(value.split()[-1].rstrip(".") == facts.hostname for value in facts.said(facts.domain, "MX").values)
    if not arrives:
        return []
    record, host = sts_records(facts.domain, facts.hostname)
    return [_sts_record(facts, record), _sts_host(facts, host, hosts)]


def _sts_record(facts: Facts, paste: DnsRecord) -> Finding:
    said = facts.said(paste.host, "TXT")
    mine = tuple(text for text in said.values if text.strip().lower().startswith("v=sts"))
    if not said.known:
        return Finding("mtasts", UNKNOWN, paste)
    if not mine:
        return absent(facts, "mtasts", paste, said, "v=stsv1")
    return Finding("mtasts", OK if identity(mine) else "mtasts_differs", paste, mine, {"count": str(len(mine))})


def _sts_host(facts: Facts, paste: DnsRecord, hosts: Mapping[str, Sequence[str]]) -> Finding:
    """An alias of our host, or an address of its own that is one of ours."""
    there = tuple(hosts.get(paste.host, ()))
    if not facts.said(f"{STS_LABEL}.{facts.domain}", "TXT").known:
        return Finding("mtasts_host", UNKNOWN, paste)
    if not there:
        return Finding("mtasts_host", "missing", paste)
    ours = set(there) & set(hosts.get(facts.hostname, ()))
    return Finding("mtasts_host", OK if ours else "mtasts_elsewhere", paste, there, {"host": facts.hostname})


def _names(one: SourceNames) -> Finding:
    paste = DnsRecord(ip_address(one.address).reverse_pointer, "PTR", f"{one.ehlo}.")
    numbers = {"address": one.address, "ehlo": one.ehlo}
    if one.ehlo not in one.names:
        return Finding("ptr", "ptr_differs" if one.names else "ptr_missing", paste, tuple(one.names), numbers)
    if ip_address(one.address) not in {ip_address(text) for text in one.forward}:
        back = DnsRecord(one.ehlo, "AAAA" if ":" in one.address else "A", one.address)
        return Finding("ptr", "ptr_forward", back, tuple(one.forward), numbers)
    return Finding("ptr", OK, paste, tuple(one.names), numbers)
