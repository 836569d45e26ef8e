"""Who a message is really from: SPF, DKIM and DMARC, and the headers that say so (RFC 7208, 6376, 7489, 8601).

Called by mta/inbound/session behind DATA and before the 250; the look-ups run in a thread, within one budget of time a
message. What could not be found out in time is temperror and refuses nothing. Above `LARGEST` octets signatures are not
verified (dkimpy holds the interpreter for 52 ms a MB): DKIM is then temperror, so DMARC neither passes by it nor fails.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any, Final

import authres  # type: ignore[import-untyped]  # it has no annotations
from authres.dmarc import DMARCAuthenticationResult  # type: ignore[import-untyped]  # it has no annotations
from publicsuffixlist import PublicSuffixList

from mail.address import parse_mailbox
from mail.header import Headers
from mta.authors import addresses, from_fields
from mta.inbound.verifiers import Budget, Signature, check_dkim, check_spf
from net.resolver import Resolver
from policy.authentication import (
    Disposition,
    DkimFinding,
    DmarcRecord,
    DmarcResult,
    DmarcVerdict,
    SpfFinding,
    dmarc,
    only_record,
)

LARGEST: Final = 1024 * 1024  # octets of a message whose signatures are verified in the session
SECONDS: Final = 10.0  # for all look-ups of one message
_SUFFIXES: Final = PublicSuffixList()
_SAFE: Final = re.compile(r"[^A-Za-z0-9.@_+=:\[\]-]")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who connected: the IP address and what it said in EHLO."""

    address: str
    helo: str


@dataclass(frozen=True, slots=True)
class Authentication:
    """`from_domain` "" where From names no address, or domains of several (`authors` counts those)."""

    spf: SpfFinding
    signatures: list[Signature]
    verdict: DmarcVerdict
    from_domain: str
    authors: int
    header: bytes = field(repr=False)

    @property
    def refused(self) -> bool:
        """The owner of the From domain asks that such mail be rejected."""
        return self.verdict.disposition is Disposition.REJECT

    def summary(self) -> dict[str, Any]:
        """What the arrival keeps, as JSON; `dmarc` decides later whether a reply revives (R4)."""
        return {
            "spf": self.spf.result,
            "spf_domain": self.spf.domain,
            "dkim": [[one.result, one.domain] for one in self.signatures],
            "dmarc": self.verdict.result.value,
            "disposition": self.verdict.disposition.value,
            "from_domain": self.from_domain,
        }


def authenticate(resolver: Resolver, hostname: str, peer: Peer, reverse_path: str, content: bytes) -> Authentication:
    """Blocking, at most SECONDS and a little; `content` as the peer sent it."""
    budget = Budget(resolver, SECONDS)
    checked = reverse_path.rpartition("@")[2] or peer.helo
    spf = SpfFinding(check_spf(budget, peer.address, reverse_path, peer.helo, hostname), checked.lower())
    signatures = _signatures(budget, content)
    domains = author_domains(content)
    from_domain = domains[0] if len(domains) == 1 else ""
    verdict = _judge(budget, from_domain, spf, signatures)
    header = results_header(hostname, spf, reverse_path, signatures, verdict, from_domain)
    return Authentication(spf, signatures, verdict, from_domain, len(domains), header)


def organizational(domain: str) -> str:
    """One label below the public suffix (RFC 7489 §3.2); a suffix itself stays as it is."""
    return str(_SUFFIXES.privatesuffix(domain) or domain)


def _signatures(budget: Budget, content: bytes) -> list[Signature]:
    if len(content) <= LARGEST:
        return check_dkim(budget, content)
    signed = Headers.of(content).all("DKIM-Signature")
    found = (re.search(r";\s*d\s*=\s*([A-Za-z0-9._-]+)", ";" + value[:2000]) for value in signed[:3])
    return [Signature("temperror", match[1].lower(), "too large to verify here") for match in found if match]


def author_domains(content: bytes) -> list[str]:
    """The different domains of all From addresses, in their order; ten at most are looked at."""
    found: dict[str, None] = {}
    for address in [one for value in from_fields(content) for one in addresses(value)][:10]:
        try:
            found[parse_mailbox(address).ascii_domain] = None
        except ValueError:
            continue
    return list(found)


def _judge(budget: Budget, from_domain: str, spf: SpfFinding, signatures: list[Signature]) -> DmarcVerdict:
    record, where, unanswered = _record(budget, from_domain) if from_domain else (None, "", False)
    if unanswered:
        return DmarcVerdict(DmarcResult.TEMPERROR, Disposition.NONE, aligned_spf=False, aligned_dkim=False)
    findings = [DkimFinding(one.result, one.domain, one.result != "policy") for one in signatures]
    sample = random.random() * 100
    return dmarc(from_domain, record, where, spf, findings, organizational, sample)


def _record(budget: Budget, from_domain: str) -> tuple[DmarcRecord | None, str, bool]:
    """The record, the domain that has it, and whether the answer is missing for now (RFC 7489 §6.6.3)."""
    for domain in dict.fromkeys((from_domain, organizational(from_domain))):
        found = budget.ask(f"_dmarc.{domain}", "TXT")
        if found is None:
            return None, "", True
        texts = [b"".join(record.strings).decode("utf-8", "replace") for record in found]
        if record := only_record(texts):
            return record, domain, False
    return None, "", False


def results_header(
    hostname: str,
    spf: SpfFinding,
    reverse_path: str,
    signatures: list[Signature],
    verdict: DmarcVerdict,
    from_domain: str,
) -> bytes:
    """The Authentication-Results field, whole, with CRLF (RFC 8601)."""
    at = {"smtp_mailfrom": _safe(reverse_path)} if reverse_path else {"smtp_helo": _safe(spf.domain)}
    results = [authres.SPFAuthenticationResult(result=spf.result, **at)]
    results += [
        authres.DKIMAuthenticationResult(result=one.result, header_d=_safe(one.domain) or "unknown")
        for one in signatures
    ] or [authres.DKIMAuthenticationResult(result="none")]
    author = {"header_from": _safe(from_domain)} if from_domain else {}
    results.append(DMARCAuthenticationResult(result=verdict.result.value, **author))
    field_ = authres.AuthenticationResultsHeader(authserv_id=hostname, results=results)
    return str(field_).replace("; ", ";\r\n\t").encode("ascii", "replace") + b"\r\n"


def _safe(text: str) -> str:
    """What a peer chose, as a value in a header of ours."""
    return _SAFE.sub("?", text)[:255]
