"""Which site each domain belongs to, as its MX told (policy/sites.py).

A domain is noted when it is first met, asked about by the sender in the background, and asked again when that is old.
Rows that are made before wait for the answer, in a flow of their own (store/roll_up.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, text, update

from store.columns import EPOCH
from store.flows import Stream, ensure
from store.schema import clients, sites

_NOTE = text(
    "INSERT INTO sites (domain, site, checked_at) VALUES (:domain, :domain, 0) ON CONFLICT (domain) DO NOTHING"
)
_TOLD = (
    update(sites).where(sites.c.domain == bindparam("of")).values(site=bindparam("told"), checked_at=bindparam("at"))
)
_OF = select(sites.c.domain, sites.c.site).where(sites.c.domain.in_(bindparam("domains", expanding=True)))

# The site of a client: that of its domain once it is known, else the domain.
OF_CLIENT = func.coalesce(sites.c.site, clients.c.site).label("site")


def note(tx: Connection, domains: Collection[str]) -> None:
    """Remember domains that were met; in order, so that two writers do not wait for each other in a ring."""
    if domains:
        tx.execute(_NOTE, [{"domain": domain} for domain in sorted(set(domains))])


def of(connection: Connection, domains: Collection[str]) -> dict[str, str]:
    """The site of each domain; its own name while nobody has asked."""
    known = {row.domain: row.site for row in connection.execute(_OF, {"domains": sorted(set(domains))})}
    return {domain: known.get(domain, domain) for domain in domains}


def met(tx: Connection, domains: Collection[str]) -> dict[str, str]:
    """The same, and those that are new are noted."""
    known = {row.domain: row.site for row in tx.execute(_OF, {"domains": sorted(set(domains))})}
    note(tx, [domain for domain in domains if domain not in known])
    return {domain: known.get(domain, domain) for domain in domains}


def flow_to(tx: Connection, stream: Stream, domain: str) -> int:
    """The flow of a stream that goes to this domain."""
    note(tx, [domain])
    site = of(tx, [domain])[domain]
    return ensure(tx, stream, [site])[site]


def checked_at(connection: Connection, domain: str) -> datetime | None:
    """When its MX was asked; None: never."""
    found = connection.execute(select(sites.c.checked_at).where(sites.c.domain == domain)).scalar_one_or_none()
    return None if found is None or found == EPOCH else found


def unasked(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Domains whose MX was last asked before this, the oldest first."""
    wanted = select(sites.c.domain).where(sites.c.checked_at < before).order_by(sites.c.checked_at).limit(limit)
    return list(connection.execute(wanted).scalars())


def tell(tx: Connection, told: Mapping[str, str], at: datetime) -> None:
    """The site of each of these domains, as asked now."""
    if told:
        tx.execute(_TOLD, [{"of": domain, "told": site, "at": at} for domain, site in sorted(told.items())])


def put_off(tx: Connection, domains: Collection[str], checked: datetime) -> None:
    """Ask about these again as if they had been asked then."""
    if domains:
        tx.execute(update(sites).where(sites.c.domain.in_(sorted(domains))).values(checked_at=checked))
