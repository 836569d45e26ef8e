"""What a connection for a domain's mail must satisfy: DANE, MTA-STS, or whatever TLS can be had.

I/O for the look-ups; the judgements are policy/mta_sts.py and policy/tls_trust.py. Called by mta/outbound/route.py:
`terms` once for a domain, `demand` for each host. DANE stands above MTA-STS (RFC 8461 §2) and counts only where the
answers for MX and address are authenticated by the validating resolver of `[dns]` (RFC 7672 §2.2). An answer that
fails to validate is a failure of the host, never a reason to ask for less (§2.1.2): it raises WithheldError, which
defers. A policy in testing never stops mail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from dns.rdtypes.ANY.TLSA import TLSA
from OpenSSL.crypto import X509Store

from net.resolver import Addresses, MailHosts, Resolver, Standing
from net.sts_policies import StsPolicies
from policy.mta_sts import Mode, StsPolicy
from policy.tls_trust import Fault, FaultKind, Tlsa, dane_fault, untrusted

Chain = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Demand:
    """`required`: no mail without TLS that `check` finds no fault with. `by` names the policy, "" for none.

    `sure`: that the host is the domain's own is said by DNSSEC or by a policy, which REQUIRETLS asks for (RFC 8689
    §4.2.1) beside a certificate without fault.
    """

    by: str
    required: bool
    check: Callable[[Chain], Fault | None]
    sure: bool = False
    kind: str = ""  # "sts" or "tlsa", as reports call it (RFC 8460 §4.4)
    policy: str = ""  # its lines, for reports


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known of a domain before a host is chosen.

    `sts` None: no policy, or one that asks for nothing; `fault`: why a newer policy could not be had, else "".
    """

    domain: str
    sts: StsPolicy | None
    authentic: bool
    fault: str = ""

    @property
    def plain(self) -> bool:
        """No policy can stop this mail, so that any connection to the site may carry it."""
        return not self.authentic and (self.sts is None or self.sts.mode is not Mode.ENFORCE)


class WithheldError(Exception):
    """A host that must not get mail now; the text says why, `by` names the policy."""

    def __init__(self, words: str, by: Demand, kind: FaultKind) -> None:
        super().__init__(words)
        self.by = by
        self.kind = kind


class TlsPolicies:
    def __init__(
        self, resolver: Resolver, sts: StsPolicies, roots: X509Store, port: int, now: Callable[[], datetime]
    ) -> None:
        """`port`: of the remote MX, which TLSA records name."""
        self._resolver = resolver
        self._sts = sts
        self._roots = roots
        self._port = port
        self._now = now

    async def terms(self, domain: str, hosts: MailHosts) -> Terms:
        found = await self._sts.of(domain)
        policy = found.policy if found.policy and found.policy.mode is not Mode.NONE else None
        return Terms(domain, policy, hosts.authentic, found.fault)

    async def demand(self, terms: Terms, host: str, addresses: Addresses) -> Demand:
        """Raises WithheldError where the host's TLSA answer does not validate, or the MTA-STS policy leaves it out."""
        if terms.authentic and addresses.authentic and (records := await self._tlsa(host)) is not None:
            return self._dane(records, host, terms.domain)
        if terms.sts is not None:
            return self._by_sts(terms.sts, host)
        return Demand("", False, lambda chain: untrusted(chain, [host], self._roots, self._now()), terms.authentic)

    async def _tlsa(self, host: str) -> list[Tlsa] | None:
        """None where the host has no TLSA record, or none that is authenticated."""
        answer = await self._resolver.ask(f"_{self._port}._tcp.{host}", "TLSA")
        if answer.standing is Standing.TEMPORARY:
            words = f"{host}: its TLSA records do not validate or cannot be had: {answer.words}"
            raise WithheldError(words, Demand("DANE", True, lambda _: None, kind="tlsa"), FaultKind.DNSSEC_INVALID)
        if answer.standing is not Standing.FOUND or not answer.authentic:
            return None
        return [Tlsa(one.usage, one.selector, one.mtype, one.cert) for one in cast("tuple[TLSA, ...]", answer.records)]

    def _dane(self, records: Sequence[Tlsa], host: str, domain: str) -> Demand:
        usable = [record for record in records if record.usable]
        if not usable:
            # RFC 7672 §2.2: TLS is promised, but by whom cannot be told.
            return Demand("DANE without a usable record", True, lambda _: None, False, "tlsa", _lines(records))
        return Demand(
            "DANE",
            True,
            lambda chain: dane_fault(usable, chain, [host, domain], self._now()),
            True,
            "tlsa",
            _lines(records),
        )

    def _by_sts(self, policy: StsPolicy, host: str) -> Demand:
        demand = self._sts_demand(policy, host)
        if demand.required and not demand.sure:
            raise WithheldError(f"{host} is not in the domain's MTA-STS policy", demand, FaultKind.FAILED)
        return demand

    def _sts_demand(self, policy: StsPolicy, host: str) -> Demand:
        covered, enforced = policy.covers(host), policy.mode is Mode.ENFORCE

        def check(chain: Chain) -> Fault | None:
            if not covered:
                return Fault(FaultKind.FAILED, f"{host} is not in the domain's MTA-STS policy")
            return untrusted(chain, [host], self._roots, self._now())

        by = "MTA-STS" if enforced else "MTA-STS in testing"
        return Demand(by, enforced, check, covered, "sts", policy.text)


def _lines(records: Sequence[Tlsa]) -> str:
    return "\n".join(f"{one.usage} {one.selector} {one.matching} {one.octets.hex()}" for one in records)


ANY_TLS: Final = Demand("", False, lambda _: Fault(FaultKind.FAILED, "nobody asked"))
