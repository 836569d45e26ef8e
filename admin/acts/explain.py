"""Why mail to an address goes as it goes: site, MX, limits with their origins, reactions, warm-up, client, breakers.

Asks the name servers, so it may take their time. A project sees its own client and breakers; what holds for the
provider is the same for all. Called by the API and `mailloft explain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from mail.address import parse_mailbox
from net.resolver import MailHosts, Resolver
from policy.shaping import Effective, Limits, Reaction, Table, applying, explained, limits_of
from policy.sites import provider_of, site_of
from policy.warmup import allowance, row_of
from store import breakers, clients, counters, projects, reactions, sites
from store.settings import Source, first_day
from store.shaping_table import read_table

UNTOLD: Final = "what hosts answered"


@dataclass(frozen=True, slots=True)
class SourcePace:
    """What holds for one of our addresses there; `rests`: nothing is sent from it now."""

    source: str
    pool: str
    rests: bool
    limits: list[Effective]


@dataclass(frozen=True, slots=True)
class WarmupView:
    """Messages of today; `volume` None: no limit any more."""

    source: str
    plan: str
    row: str
    begun: str
    volume: int | None
    sent: int


@dataclass(frozen=True, slots=True)
class KnownClient:
    project: str
    id: int
    rating: int
    subscribed: bool
    suppressions: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class BreakerView:
    scope: str
    id: int
    verdict: str
    action: str
    reason: str
    tripped_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Explained:
    """`site` as rows are queued now; `site_by_mx` as its MX says now, which later rows will use."""

    address: str
    domain: str
    site: str
    site_by_mx: str
    checked_at: datetime | None
    provider: str
    mx: dict[str, Any]
    sources: list[SourcePace]
    warmup: list[WarmupView]
    clients: list[KnownClient]
    breakers: list[BreakerView]


def explain(office: Office, scope: int | None, what: str, source: str | None) -> Explained:
    """`what`: an address, or a domain. Raises InvalidError, NotFoundError for a source that is none of ours."""
    domain, key = _domain_of(what.strip())
    settings, now = office.settings, office.now()
    table = read_table(settings.shaping.file)
    hosts = Resolver(settings.dns.servers, settings.dns.timeout).mail_hosts_now(domain)
    ours = _sources(settings.outbound.sources, source)
    own = Limits(settings.outbound.connections, settings.outbound.messages_per_connection, settings.outbound.idle)
    with office.read() as connection:
        site = sites.of(connection, [domain])[domain]
        limits, origins = limits_of(provider_of(site), table, own)
        held = [told(one, scope) for one in reactions.holding(connection, now)]
        paces = [
            _pace(one, explained(limits, origins, applying(held, site, one.address), now)) for one in ours
        ]  # fmt: skip
        return Explained(
            what, domain, site, site_of(domain, [host.name for host in hosts.hosts], table.provider),
            sites.checked_at(connection, domain), provider_of(site), _mx(hosts), paces,
            _warmup(connection, ours, table, provider_of(site), now),
            _known(connection, scope, key) if key else [], _tripped(connection, scope),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """What an answer of a host made an address hold back at a site."""

    site: str
    action: str
    value: float
    until: datetime
    origin: str


@dataclass(frozen=True, slots=True)
class SourceView:
    """One of our sending addresses: its pool, what it holds back, its warm-up of today by provider."""

    address: str
    ehlo: str
    pool: str
    weight: int
    held: list[Held]
    warmup: list[WarmupView]


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool with the addresses that it sends from now (PRODUCT O2)."""

    name: str
    addresses: list[str]


def pools(office: Office) -> list[PoolView]:
    """In the order of the settings."""
    named: dict[str, list[str]] = {}
    for one in office.settings.outbound.sources:
        named.setdefault(one.pool, []).append(one.address)
    return [PoolView(name, addresses) for name, addresses in named.items()]


def sources(office: Office) -> list[SourceView]:
    """All addresses of this node."""
    settings, now = office.settings, office.now()
    table = read_table(settings.shaping.file)
    with office.read() as connection:
        held = reactions.holding(connection, now)
        return [
            SourceView(
                one.address,
                one.ehlo,
                one.pool,
                one.weight,
                [Held(r.site, r.action.value, r.value, r.until, r.origin) for r in held if r.source == one.address],
                [
                    row
                    for name in table.warmup.get(one.plan, {})
                    for row in _warmup(connection, [one], table, name, now)
                ],
            )
            for one in settings.outbound.sources
        ]


def told(one: Reaction, scope: int | None) -> Reaction:
    """A host's words may name another project's client: they are the operator's to read."""
    return one if scope is None else replace(one, origin=UNTOLD)


def _domain_of(what: str) -> tuple[str, str]:
    """The domain, and the normalised address or ""."""
    try:
        parsed = parse_mailbox(what if "@" in what else f"postmaster@{what}")
    except ValueError as error:
        raise InvalidError(f"{what[:200]!r} is no address and no domain: {error}") from error
    return parsed.ascii_domain, parsed.normalised if "@" in what else ""


def _sources(ours: Sequence[Source], wanted: str | None) -> list[Source]:
    found = [one for one in ours if wanted in (None, one.address)]
    if wanted is not None and not found:
        raise NotFoundError(f"{wanted} is no source of ours; there are: {', '.join(one.address for one in ours)}")
    return found


def _pace(source: Source, limits: list[Effective]) -> SourcePace:
    return SourcePace(source.address, source.pool, any(one.name == "rest" for one in limits), limits)


def _mx(hosts: MailHosts) -> dict[str, Any]:
    listed = [{"preference": one.preference, "host": one.name} for one in hosts.hosts]
    return {"standing": hosts.standing.value, "hosts": listed, "words": hosts.words}


def _warmup(connection: Any, ours: Sequence[Source], table: Table, provider: str, now: datetime) -> list[WarmupView]:
    sent = counters.of(connection, "warmup", now.date().toordinal())
    found = []
    for one in ours:
        begun = first_day(one)
        if begun is not None and (plan := table.warmup.get(one.plan)) is not None:
            row = row_of(plan, provider)
            volume = allowance(plan, provider, begun, now.date())
            found.append(
                WarmupView(one.address, one.plan, row, one.warmup, volume, sent.get(f"{one.address} {row}", 0))
            )
    return found


def _known(connection: Any, scope: int | None, key: str) -> list[KnownClient]:
    found = []
    for project, client in clients.everywhere(connection, key, scope):
        withdrawn = [
            {"list": one.list_id or None, "kind": one.kind, "at": one.at}
            for one in clients.withdrawals(connection, client.id)
        ]
        owner = projects.get(connection, project)
        name = owner.name if owner else ""
        found.append(KnownClient(name, client.id, client.rating, client.subscribed, withdrawn))
    return found


def _tripped(connection: Any, scope: int | None) -> list[BreakerView]:
    mine = breakers.tripped(connection, scope)
    return [
        BreakerView(one.scope, one.scope_id, one.verdict, one.action, one.reason, one.tripped_at, one.until)
        for one in mine
    ]
