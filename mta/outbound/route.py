"""The way to a domain's mail hosts: which are tried, in which order, and with how much TLS.

I/O; one for each sender process, shared by its lanes. `connect` gives a session to the best host that takes one and
that satisfies the policy of the domain, DANE or MTA-STS (net/tls_policy.py). Without a policy a host whose TLS is
broken still gets its mail, in clear (RFC 7435), and is not asked for TLS again for three days. A policy that no host
satisfies is a deferral: what is wrong today may be an attack, or a mistake that its owner mends.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from mail.reply import Reply
from mail.tls_report import Session
from net.resolver import Addresses, MailHosts, MailStanding, Resolver, Standing
from net.smtp_connection import Connection
from net.smtp_peer import ConnectError, Peer, Timeouts
from net.tls_policy import ANY_TLS, Demand, Terms, TlsPolicies, WithheldError
from policy.rotation import EgressSource
from policy.tls_trust import FaultKind

MOST: Final = 50_000  # hosts remembered for one fault
HOSTS_TRIED: Final = 5  # addresses of a domain's hosts before it counts as unreachable
PLAIN_FOR: Final = timedelta(days=3)  # that a host is remembered to have broken TLS
IN_STEP_FOR: Final = timedelta(hours=6)  # that a host which lost its way among commands sent together gets them singly

SESSIONS: Final = Counter(
    "mailloft_tls_sessions_total", "Connections to remote hosts: clear, unverified, verified, or by a policy", ["tls"]
)
FETCHES_FAILED: Final = Counter(
    "mailloft_sts_unfetched_total", "Connections for domains that announce an MTA-STS policy that could not be had"
)
WITHHELD: Final = Counter(
    "mailloft_tls_withheld_total", "Hosts that got no mail since they do not satisfy a policy", ["policy", "fault"]
)


class Unreachable(Exception):  # noqa: N818 - it is a verdict on a site
    """No host took a connection; `reply` is what the last one said, or our own word for the DNS answer.

    `demanded`: a policy forbids what could be had, so that fewer connections would not help. `out_of_reach`: the hosts
    have addresses, but only of the kind, IPv4 or IPv6, that the source is not.
    """

    def __init__(
        self, words: str, reply: Reply | None = None, host: str = "", *,
        demanded: bool = False, out_of_reach: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(words)
        self.reply = reply
        self.host = host
        self.demanded = demanded
        self.out_of_reach = out_of_reach


@dataclass(slots=True)
class Remembered:
    """Hosts that showed a fault, each for so long; at most MOST, the oldest forgotten first."""

    lasts: timedelta
    _until: dict[str, datetime] = field(default_factory=dict)

    def add(self, host: str, now: datetime) -> None:
        self._until.pop(host, None)
        self._until[host] = now + self.lasts
        if len(self._until) > MOST:
            del self._until[next(iter(self._until))]

    def has(self, host: str, now: datetime) -> bool:
        until = self._until.get(host)
        if until is not None and until <= now:
            del self._until[host]
            return False
        return until is not None


@dataclass(frozen=True, slots=True)
class _Candidate:
    host: str
    address: str
    known: Addresses


# RFC 7505 §4.2 and RFC 3463 §3.2: our own words for what the DNS says, so that they are judged as a host's are.
NO_MAIL: Final = {
    MailStanding.NO_NAME: Reply(550, "5.1.2", "the domain does not exist (NXDOMAIN): host not found"),
    MailStanding.NO_RECORDS: Reply(550, "5.1.2", "the domain has neither MX nor address: host not found"),
    MailStanding.NULL: Reply(556, "5.1.10", "the domain accepts no mail (null MX)"),
}


class Route:
    def __init__(
        self, resolver: Resolver, policies: TlsPolicies, tls: ssl.SSLContext, port: int, timeouts: Timeouts,
        now: Callable[[], datetime], tally: Callable[[Session], None],
    ) -> None:  # fmt: skip
        """`tls` asks for no certificate; what is asked of one is the policies' part. `tally`: for TLS reports."""
        self._resolver = resolver
        self._policies = policies
        self._tls = tls
        self._port = port
        self._timeouts = timeouts
        self._now = now
        self._tally = tally
        self._plain = Remembered(PLAIN_FOR)
        self._in_step = Remembered(IN_STEP_FOR)

    async def fits(self, connection: Connection, domain: str, *, strict: bool = False) -> bool:
        """Whether mail for `domain` may go over a connection that was opened for whatever domain of the same site.

        Only if the host at its other end is one of its MX and no policy asks for more than any connection gives.
        `strict`: it must be sure that the host is the domain's own (REQUIRETLS), so it is opened for it.
        """
        if connection.peer.domain == domain or strict:
            return connection.peer.domain == domain
        hosts = await self._resolver.mail_hosts(domain)
        if all(host.name != connection.peer.host for host in hosts.hosts):
            return False
        return (await self._policies.terms(domain, hosts)).plain

    async def connect(self, domain: str, source: EgressSource, *, lax: bool = False) -> Connection:
        """A session for mail of `domain` (A-labels), spoken from `source`. Raises Unreachable.

        `lax`: mail that is to arrive whatever the domain's policies say, such as a report that they fail.
        """
        hosts = await self._resolver.mail_hosts(domain)
        if hosts.standing in NO_MAIL:
            raise Unreachable(str(NO_MAIL[hosts.standing]), NO_MAIL[hosts.standing])
        if hosts.standing is MailStanding.TEMPORARY:
            raise Unreachable(f"the name servers did not tell the MX of {domain}: {hosts.words}")
        terms = None if lax else await self._terms(domain, hosts, source)
        candidates, others, silent = await self._candidates(hosts, ":" in source.address)
        failure = Unreachable(
            f"no host of {domain} has an address that {source.address} can reach{silent}",
            out_of_reach=others and not silent,
        )
        for one in candidates:
            peer = Peer(one.host, one.address, self._port, source.address, source.ehlo, "" if lax else domain)
            try:
                return await self._session(peer, one, terms)
            except ConnectError as error:
                demanded = error.demanded is not None or error.tls  # broken TLS comes here where a policy asks for it
                failure = Unreachable(str(error), error.reply, f"{one.host}[{one.address}]", demanded=demanded)
            except WithheldError as error:
                failure = Unreachable(str(error), None, f"{one.host}[{one.address}]", demanded=True)
        raise failure

    async def _terms(self, domain: str, hosts: MailHosts, source: EgressSource) -> Terms:
        terms = await self._policies.terms(domain, hosts)
        if terms.fault:
            FETCHES_FAILED.inc()
        if terms.fault and terms.sts is None:
            self._tally(Session(domain, "sts", "", "", "", source.address, "sts-policy-fetch-error"))
        return terms

    async def _candidates(self, hosts: MailHosts, ipv6: bool) -> tuple[list[_Candidate], bool, str]:
        """Addresses in the order in which they are tried, hosts of one preference at random (RFC 5321 §5.1).

        And whether there are some of the other kind, and in words which could not be had, for the log.
        """
        found: list[_Candidate] = []
        others, silent = False, ""
        for host in sorted(hosts.hosts, key=lambda one: (one.preference, random.random())):
            known = await self._resolver.addresses_of(host.name)
            if known.standing is Standing.TEMPORARY:
                silent = f": {host.name}: {known.words}"
            mine = [_Candidate(host.name, one, known) for one in known.addresses if (":" in one) == ipv6]
            found, others = found + mine, others or len(mine) < len(known.addresses)
            if len(found) >= HOSTS_TRIED:
                break
        return found[:HOSTS_TRIED], others, silent

    async def _session(self, peer: Peer, one: _Candidate, terms: Terms | None) -> Connection:
        """Raises ConnectError, and WithheldError where the host may not even be asked."""
        demand = ANY_TLS
        try:
            demand = await self._demand(terms, one)
            made = await self._encrypted(peer, demand)
        except WithheldError as error:
            self._withheld(error.by, peer, error.kind)
            raise
        except ConnectError as error:
            if error.demanded is not None or (error.tls and demand.required):
                self._withheld(demand, peer, error.demanded or FaultKind.FAILED)
            raise
        SESSIONS.labels(_standing(made, demand)).inc()
        self._count(demand, peer, made.fault.kind.value if made.fault else "")
        return made

    async def _demand(self, terms: Terms | None, one: _Candidate) -> Demand:
        if terms is None:
            return ANY_TLS
        return await self._policies.demand(terms, one.host, one.known)

    def _withheld(self, demand: Demand, peer: Peer, kind: FaultKind) -> None:
        WITHHELD.labels(demand.by, kind.value).inc()
        self._count(demand, peer, kind.value)

    def _count(self, demand: Demand, peer: Peer, result: str) -> None:
        """For the domain's report, where a policy of its own speaks of the session (RFC 8460)."""
        if demand.kind:
            self._tally(Session(
                peer.domain, demand.kind, demand.policy, peer.host, peer.address, peer.source, result
            ))  # fmt: skip

    async def _encrypted(self, peer: Peer, demand: Demand) -> Connection:
        """With TLS if the host can, else in clear where no policy minds."""
        in_step = self._in_step.has(peer.host, self._now())
        if demand.required or not self._plain.has(peer.host, self._now()):
            try:
                return await Connection.connect(peer, self._timeouts, self._tls, demand, in_step=in_step)
            except ConnectError as error:
                if not error.tls or demand.required:
                    raise
                self._plain.add(peer.host, self._now())
        return await Connection.connect(peer, self._timeouts, None, demand, in_step=in_step)

    def lost_step(self, host: str) -> None:
        """It offers PIPELINING and does not mean it."""
        self._in_step.add(host, self._now())


def _standing(connection: Connection, demand: Demand) -> str:
    if connection.tls is None:
        return "clear"
    return "unverified" if connection.fault else demand.by or "verified"
