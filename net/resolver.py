"""Asks the name servers of `[dns]`: cached, bounded in time, with answers that say what kind they are.

I/O. Called by mta/outbound for MX and addresses, and by the MX for SPF, DKIM, DMARC: from the loop with `await`, from
threads (pyspf and dkimpy are synchronous) with `ask_now`; both share one cache. Nothing here raises for what a
server says or fails to say: NXDOMAIN, an empty answer and a failure are values (RFC 2308, RFC 5321 §5.1, RFC 7505).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final, TypeVar, cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT
from dns.reversename import from_address
from prometheus_client import Counter

from net.answer_cache import AnswerCache, Key

R = TypeVar("R", bound=dns.resolver.BaseResolver)
CACHED: Final = 48 * 1024 * 1024  # octets of answers kept
_TRY: Final = 2.0  # seconds for one server before the next is asked
FAILURES: Final = Counter("mailloft_dns_failures_total", "Questions that no name server answered")
_FAILURES: Final = (dns.exception.DNSException, OSError, EOFError)


class Standing(Enum):
    """What kind of answer it is; only FOUND has records."""

    FOUND = "found"
    NO_NAME = "nxdomain"
    NO_RECORDS = "no records"
    TEMPORARY = "temporary failure"


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of one question; `words` says what failed, for the log, and is "" otherwise."""

    standing: Standing
    records: tuple[dns.rdata.Rdata, ...] = ()
    words: str = ""
    authentic: bool = False  # DNSSEC, as the validating resolver of the settings says


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a host, A before AAAA. TEMPORARY only where neither gave any."""

    standing: Standing
    addresses: tuple[str, ...] = ()
    words: str = ""
    authentic: bool = False  # every answer that gave one is


@dataclass(frozen=True, slots=True)
class MailHost:
    """One MX; `name` in lower case without a final dot."""

    preference: int
    name: str


class MailStanding(Enum):
    """Where the mail of a domain goes."""

    HOSTS = "hosts"  # MX records
    IMPLICIT = "implicit"  # none, but the domain has an address itself (RFC 5321 §5.1)
    NULL = "null MX"  # takes no mail at all (RFC 7505)
    NO_NAME = "no such domain"
    NO_RECORDS = "neither MX nor address"
    TEMPORARY = "temporary failure"


@dataclass(frozen=True, slots=True)
class MailHosts:
    """`hosts` by ascending preference; whoever sends shuffles those of one preference."""

    standing: MailStanding
    hosts: tuple[MailHost, ...] = ()
    words: str = ""
    authentic: bool = False


class Resolver:
    """One cache and the servers behind it; one for each process, made after the fork."""

    def __init__(self, servers: Sequence[str], timeout: timedelta, *, validating: bool = False) -> None:
        """`servers`: host:port, none for those of the machine; `timeout`: for one question, all servers together.

        `validating`: they check DNSSEC and the way to them is safe, so that their AD bit counts (RFC 4035 §4.9.3).
        """
        self._seconds = timeout.total_seconds()
        self._validating = validating
        self._waiting = _configured(dns.asyncresolver.Resolver(configure=not servers), servers)
        self._blocking = _configured(dns.resolver.Resolver(configure=not servers), servers)
        for one in (self._waiting, self._blocking):
            if validating:
                one.set_flags(dns.flags.RD | dns.flags.AD)  # RFC 6840 §5.7: AD in a question asks for it in the answer
        self._known: AnswerCache[Answer] = AnswerCache(CACHED)
        self._asked: dict[Key, asyncio.Task[Answer]] = {}

    async def ask(self, name: str, kind: str) -> Answer:
        """The records of `name`; `kind` as in "A", "MX", "TXT"."""
        plain = name.rstrip(".").lower()
        if (known := self._known.get(plain, kind, time.monotonic())) is not None:
            return known
        key = plain, kind
        if (asking := self._asked.get(key)) is None:
            asking = self._asked[key] = asyncio.create_task(self._asking(name, plain, kind))
            asking.add_done_callback(lambda _: self._asked.pop(key))
        return await asyncio.shield(asking)  # connections that begin together ask once; who gives up stops nobody

    async def _asking(self, name: str, plain: str, kind: str) -> Answer:
        try:
            answer = await self._waiting.resolve(
                _question(name), kind, search=False, lifetime=self._seconds, raise_on_no_answer=False
            )
        except _FAILURES as error:
            return self._keep((plain, ""), _failed(error), error)
        return self._keep((plain, kind), self._answered(answer), answer)

    def known(self, name: str, kind: str) -> Answer | None:
        """What a server has said that still holds, without asking."""
        return self._known.get(name.rstrip(".").lower(), kind, time.monotonic())

    def ask_now(self, name: str, kind: str, seconds: float | None = None) -> Answer:
        """The same for a thread that may block, in at most `seconds` where the caller has a smaller budget."""
        lifetime = self._seconds if seconds is None else max(0.01, min(seconds, self._seconds))
        plain = name.rstrip(".").lower()
        if (known := self._known.get(plain, kind, time.monotonic())) is not None:
            return known
        try:
            answer = self._blocking.resolve(
                _question(name), kind, search=False, lifetime=lifetime, raise_on_no_answer=False
            )
        except _FAILURES as error:
            return self._keep((plain, ""), _failed(error), error)
        return self._keep((plain, kind), self._answered(answer), answer)

    def _keep(self, key: Key, answer: Answer, said: dns.resolver.Answer | BaseException) -> Answer:
        """`answer`, remembered for as long as the server said; what failed is asked again."""
        now = time.monotonic()
        octets = sum(len(record.to_wire() or b"") for record in answer.records)
        self._known.put(key, answer, octets, now + _lasting(said), now)
        return answer

    def _answered(self, answer: dns.resolver.Answer) -> Answer:
        records = tuple(answer.rrset) if answer.rrset is not None else ()
        authentic = self._validating and bool(answer.response.flags & dns.flags.AD)
        return Answer(Standing.FOUND if records else Standing.NO_RECORDS, records, authentic=authentic)

    async def mail_hosts(self, domain: str) -> MailHosts:
        """Where mail for `domain` goes (RFC 5321 §5.1)."""
        answer = await self.ask(domain, "MX")
        if answer.standing is Standing.NO_RECORDS:
            return _implicit(domain, await self.addresses_of(domain))
        return _from_mx(answer)

    def mail_hosts_now(self, domain: str) -> MailHosts:
        """The same for a thread that may block."""
        answer = self.ask_now(domain, "MX")
        if answer.standing is Standing.NO_RECORDS:
            return _implicit(domain, _addresses([self.ask_now(domain, kind) for kind in ("A", "AAAA")]))
        return _from_mx(answer)

    async def addresses_of(self, host: str) -> Addresses:
        """IPv4 and IPv6 addresses of `host`, asked together."""
        return _addresses(await asyncio.gather(self.ask(host, "A"), self.ask(host, "AAAA")))

    async def names_of(self, address: str) -> tuple[str, ...]:
        """The PTR names of an IP address, none where the answer is anything else."""
        answer = await self.ask(from_address(address).to_text(), "PTR")
        return tuple(host_name(cast("PTR", record).target) for record in answer.records)


def texts(answer: Answer) -> tuple[str, ...]:
    """The TXT records of an answer, the strings of each joined; octets that are not UTF-8 become U+FFFD."""
    return record_texts(answer.records)


def record_texts(records: Iterable[dns.rdata.Rdata]) -> tuple[str, ...]:
    return tuple(b"".join(cast("TXT", record).strings).decode("utf-8", "replace") for record in records)


def host_name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _configured(resolver: R, servers: Sequence[str]) -> R:
    resolver.timeout = _TRY
    if servers:
        resolver.nameservers = [_server(text) for text in servers]
    # 1,232: what passes everywhere without fragments; longer answers come over TCP.
    resolver.use_edns(0, 0, 1232)
    return resolver


def _server(text: str) -> dns.nameserver.Do53Nameserver:
    host, _, port = text.rpartition(":")
    return dns.nameserver.Do53Nameserver(host.strip("[]"), int(port))


def _question(name: str) -> dns.name.Name:
    """The name as asked, always absolute; dns.name raises where it is none, which `_failed` turns into NO_NAME."""
    return dns.name.from_text(name.rstrip(".") + ".")


def _lasting(said: dns.resolver.Answer | BaseException) -> float:
    """Seconds that an answer holds by its TTLs, of one without records by its SOA (RFC 2308); 0 for a failure."""
    if isinstance(said, dns.resolver.Answer):
        return float(said.chaining_result.minimum_ttl)
    if not isinstance(said, dns.resolver.NXDOMAIN):
        return 0.0
    responses: dict[dns.name.Name, dns.message.QueryMessage] = said.kwargs.get("responses") or {}
    try:
        return float(min((one.resolve_chaining().minimum_ttl for one in responses.values()), default=0))
    except (dns.exception.DNSException, ValueError):
        return 0.0


def _failed(error: BaseException) -> Answer:
    match error:
        case dns.resolver.NXDOMAIN():
            return Answer(Standing.NO_NAME)
        case dns.resolver.NoAnswer():
            return Answer(Standing.NO_RECORDS)
        case dns.name.LabelTooLong() | dns.name.NameTooLong() | dns.name.EmptyLabel() | dns.name.BadEscape():
            return Answer(Standing.NO_NAME, words=f"no domain name: {error}")
        case dns.name.IDNAException():
            return Answer(Standing.NO_NAME, words=f"no domain name: {error}")
    FAILURES.inc()
    return Answer(Standing.TEMPORARY, words=f"{type(error).__name__}: {error}"[:300])


def _from_mx(answer: Answer) -> MailHosts:
    standings = {Standing.NO_NAME: MailStanding.NO_NAME, Standing.TEMPORARY: MailStanding.TEMPORARY}
    if answer.standing in standings:
        return MailHosts(standings[answer.standing], words=answer.words)
    found = sorted((record.preference, host_name(record.exchange)) for record in cast("tuple[MX, ...]", answer.records))
    # RFC 7505: the null MX stands alone; beside others it is a mistake of theirs and passed over.
    hosts = tuple(MailHost(preference, name) for preference, name in found if name not in ("", "."))
    return MailHosts(MailStanding.HOSTS if hosts else MailStanding.NULL, hosts, authentic=answer.authentic)


def _addresses(found: Sequence[Answer]) -> Addresses:
    addresses = tuple(record.to_text() for answer in found for record in answer.records)
    if addresses:
        authentic = all(answer.authentic for answer in found if answer.records)
        return Addresses(Standing.FOUND, addresses, authentic=authentic)
    for standing in (Standing.TEMPORARY, Standing.NO_NAME):
        for answer in found:
            if answer.standing is standing:
                return Addresses(standing, words=answer.words)
    return Addresses(Standing.NO_RECORDS)


def _implicit(domain: str, addresses: Addresses) -> MailHosts:
    match addresses.standing:
        case Standing.FOUND:
            return MailHosts(
                MailStanding.IMPLICIT, (MailHost(0, domain.rstrip(".").lower()),), authentic=addresses.authentic
            )
        case Standing.TEMPORARY:
            return MailHosts(MailStanding.TEMPORARY, words=addresses.words)
        case Standing.NO_NAME:
            return MailHosts(MailStanding.NO_NAME)
        case Standing.NO_RECORDS:
            return MailHosts(MailStanding.NO_RECORDS)
