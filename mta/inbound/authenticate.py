"""Who a message is really from: SPF, DKIM, DMARC, ARC and iprev (RFC 7208, 6376, 7489, 8617, 8601).

Called by mta/inbound/session behind DATA and before the 250; the look-ups run in a thread, within one budget of time
and questions a message. What could not be found out in time is temperror and refuses nothing. Large messages too are
verified here (2 ms a MB, in blocks): the sorter, where that was planned, has no network, and could refuse no more.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from prometheus_client import Counter, Histogram

from mail.address import parse_mailbox
from mta.authors import addresses, from_fields
from mta.inbound.arc_check import check_arc
from mta.inbound.dmarc_lookup import Records, UnansweredError
from mta.inbound.dmarc_tally import DmarcTally
from mta.inbound.lookups import Budget, iprev
from mta.inbound.results import Results, results_header
from mta.inbound.verifiers import Signature, check_dkim, check_spf
from net.resolver import Resolver
from policy.authentication import (
    Disposition,
    DkimFinding,
    DmarcResult,
    DmarcVerdict,
    Override,
    SpfFinding,
    dmarc,
    undecided,
)
from policy.trusted_sealers import Chain, vouched_for
from store.settings import Authentication as Rules

MOST_AUTHORS: Final = 20
SECONDS: Final = 10.0  # for all look-ups of one message
_SMALL: Final = 64 * 1024  # octets of a message that is looked at on the loop, where nobody has to be asked
_SAMPLED: Final = 16 * 1024  # octets of a message that decide whether it is in the sample

_VERDICTS: Final = Counter("mailloft_mx_verdicts", "What incoming mail was found to be", ["method", "result"])
_ASKED: Final = Counter("mailloft_mx_dmarc_dispositions", "What was done with mail that fails DMARC", ["disposition"])
_OVERRIDES: Final = Counter("mailloft_mx_dmarc_overrides", "Why less was done than a DMARC record asks", ["reason"])
_SECONDS: Final = Histogram(
    "mailloft_mx_authentication_seconds", "From DATA to the verdicts", buckets=(0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10)
)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who connected: the IP address and what it said in EHLO."""

    address: str
    helo: str


@dataclass(frozen=True, slots=True)
class Authentication:
    """`from_domain` "" where From names no address, or domains of several (`authors` counts those)."""

    results: Results
    authors: int
    header: bytes = field(repr=False)

    @property
    def spf(self) -> SpfFinding:
        return self.results.spf

    @property
    def signatures(self) -> Sequence[Signature]:
        return self.results.signatures

    @property
    def verdict(self) -> DmarcVerdict:
        return self.results.verdict

    @property
    def from_domain(self) -> str:
        return self.results.from_domain

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
            "override": self.verdict.override.value if self.verdict.override else "",
            "arc": self.results.chain.result,
            "iprev": self.results.iprev,
            "from_domain": self.from_domain,
        }


class Authenticator:
    """What all messages share: the resolver's cache, our name, the operator's rules, the key of the sampling."""

    def __init__(self, resolver: Resolver, hostname: str, rules: Rules, sampling_key: bytes, tally: DmarcTally) -> None:
        self._resolver = resolver
        self._tally = tally
        self._hostname = hostname
        self._rules = rules
        self._key = sampling_key

    def authenticate(self, peer: Peer, reverse_path: str, content: bytes, now: datetime) -> Authentication:
        """Blocking, at most SECONDS and a little; `content` as the peer sent it."""
        with _SECONDS.time():
            results, authors = self._results(Budget(self._resolver, SECONDS), peer, reverse_path, content, now)
        return self._told(peer, reverse_path, results, authors, now)

    def at_once(self, peer: Peer, reverse_path: str, content: bytes, now: datetime) -> Authentication | None:
        """The same from answers that are known, in a millisecond; None where it takes more than that."""
        if len(content) > _SMALL or b"arc-seal" in content.lower():  # each seal is a canonicalisation of its own
            return None
        budget, began = Budget(self._resolver, 0), time.perf_counter()
        if budget.ask(_checked(peer, reverse_path), "TXT") is None:
            return None
        results, authors = self._results(budget, peer, reverse_path, content, now)
        if budget.missed:
            return None
        _SECONDS.observe(time.perf_counter() - began)
        return self._told(peer, reverse_path, results, authors, now)

    def _results(
        self, budget: Budget, peer: Peer, reverse_path: str, content: bytes, now: datetime
    ) -> tuple[Results, int]:
        """And of how many domains the authors are."""
        found = check_spf(budget.ask, peer.address, reverse_path, peer.helo, self._hostname)
        spf = SpfFinding(found, _checked(peer, reverse_path))
        domains = author_domains(content)
        author = domains[0] if len(domains) == 1 else ""
        signatures = check_dkim(budget.ask, content, author, now)
        chain = check_arc(budget.ask, content)
        verdict = self._judge(budget, author, spf, signatures, self._sample(content))
        verdict = self._forgive(verdict, chain, author)
        reverse = iprev(budget.ask, peer.address)
        return Results(spf, signatures, verdict, author, chain, reverse, null_path=not reverse_path), len(domains)

    def _told(self, peer: Peer, reverse_path: str, results: Results, authors: int, now: datetime) -> Authentication:
        _count(results)
        self._tally.add(peer.address, results, now)
        return Authentication(results, authors, results_header(self._hostname, reverse_path, results))

    def _judge(
        self, budget: Budget, author: str, spf: SpfFinding, signatures: list[Signature], sample: float
    ) -> DmarcVerdict:
        if not author:
            return undecided(DmarcResult.NONE)
        records = Records(budget, walking=self._rules.organization == "walk")
        findings = [DkimFinding(one.result, one.domain, one.result != "policy") for one in signatures]
        try:
            return dmarc(author, records.published(author), spf, findings, records.organizational, sample)
        except UnansweredError:
            return undecided(DmarcResult.TEMPERROR)

    def _forgive(self, verdict: DmarcVerdict, chain: Chain, author: str) -> DmarcVerdict:
        """A trusted sealer's word outweighs a failure that comes of handing the mail on."""
        if verdict.disposition is Disposition.NONE or not vouched_for(chain, author, self._rules.trusted_sealers):
            return verdict
        return replace(verdict, disposition=Disposition.NONE, override=Override.LOCAL_POLICY)

    def _sample(self, content: bytes) -> float:
        """0 <= sample < 100, the same when the message comes again, and nobody's to choose."""
        return int.from_bytes(hmac.digest(self._key, content[:_SAMPLED], sha256)[:4], "big") * 100 / 2**32


def _checked(peer: Peer, reverse_path: str) -> str:
    """The domain that SPF is about."""
    return (reverse_path.rpartition("@")[2] or peer.helo).lower()


def author_domains(content: bytes) -> list[str]:
    """The different domains of all From addresses, in their order; "" for those behind the first MOST_AUTHORS."""
    found: dict[str, None] = {}
    authors = [one for value in from_fields(content) for one in addresses(value)]
    if len(authors) > MOST_AUTHORS:
        found[""] = None
    for address in authors[:MOST_AUTHORS]:
        try:
            found[parse_mailbox(address).ascii_domain] = None
        except ValueError:
            continue
    return list(found)


def _count(results: Results) -> None:
    verdict = results.verdict
    _VERDICTS.labels("spf", results.spf.result).inc()
    for one in results.signatures:
        _VERDICTS.labels("dkim", one.result).inc()
    _VERDICTS.labels("dmarc", verdict.result.value).inc()
    _VERDICTS.labels("arc", results.chain.result).inc()
    _VERDICTS.labels("iprev", results.iprev).inc()
    if verdict.result is DmarcResult.FAIL:
        _ASKED.labels(verdict.disposition.value).inc()
    if verdict.override:
        _OVERRIDES.labels(verdict.override.value).inc()
