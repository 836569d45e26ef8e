"""A domain's records checked now or when due, and what follows for its states (PRODUCT D1, D2, D5).

Takes as long as name servers take, so never on a loop: the panel asks in a thread, the clock one domain a round.
Crash case: a check that was cut off is made again, since only its end moves `next_check`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

import msgspec

from admin import notices
from admin.notices import Notices
from admin.office import Office
from admin.refusals import NotFoundError
from net import zone_survey
from net.resolver import Resolver
from policy import beside_verdict, domain_verdict
from policy.beside_verdict import SourceNames
from policy.domain_verdict import Facts, Finding, Said
from policy.spf_text import Names, first_word_is_spf
from store import dkim, domains
from store.domains import STATES, Checked, Domain

_A_ROUND: Final = 2
_PATIENCE: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Standing:
    """`findings` [] before the first check; `falls_at`: when a state is taken back unless the record is mended."""

    findings: Sequence[Finding]
    checked_at: datetime | None
    next_check: datetime | None
    failing_since: dict[str, datetime]
    by_hand: bool


def standing(office: Office, project: int, name: str) -> Standing:
    """What the last check found. Raises NotFoundError."""
    with office.read() as connection:
        domain = _domain(connection, project, name)
        last = domains.checked(connection, domain.id)
    found = msgspec.convert(last.findings or [], list[Finding])
    return Standing(found, last.checked_at, last.next_check, dict(last.failing_since), domain.by_hand)


def check(office: Office, resolver: Resolver, project: int, name: str) -> Standing:
    """Now; the pauses until the next begin small again. Raises NotFoundError."""
    with office.read() as connection:
        domain = _domain(connection, project, name)
    _check(office, resolver, domain, asked=True)
    return standing(office, project, name)


def check_due(office: Office, resolver: Resolver, now: datetime) -> int:
    """The clock's duty: those that have waited longest; how many there were."""
    with office.read() as connection:
        due = domains.due_for_check(connection, now, _A_ROUND)
    for domain in due:
        _check(office, resolver, domain, asked=False)
    return len(due)


def follow(office: Office, project: int, name: str) -> None:
    """The operator gives the states back to the checks. Raises NotFoundError."""
    now = office.now()
    with office.read() as connection:
        domain = _domain(connection, project, name)
    office.write(lambda tx: domains.follow_checks(tx, domain.id, now))


def _check(office: Office, resolver: Resolver, domain: Domain, *, asked: bool) -> None:
    facts = _facts(office, resolver, domain)
    found = [*domain_verdict.findings(facts), *_beside(office, facts)]
    now, desk = office.now(), notices.notices(office)
    well = all(one.mistake == domain_verdict.OK for one in found)

    def save(tx: Any) -> None:
        before, last = domains.get(tx, domain.project, domain.name), domains.checked(tx, domain.id)
        assert before is not None  # no act removes a domain
        had = {state: bool(getattr(before, state)) for state in STATES}
        states, failing = domain_verdict.followed(had, domain_verdict.states(found), last.failing_since, now)
        made = 0 if asked or well else last.checks + 1
        following = domain_verdict.next_check(made, well, now)
        domains.save_check(
            tx, domain.id, states, Checked(msgspec.to_builtins(found), now, following, made, failing)
        )  # fmt: skip
        if not before.by_hand:
            _tell(tx, desk, before, states, failing.keys() - last.failing_since.keys(), found, now)

    office.write(save)


def _tell(
    tx: Any,
    desk: Notices,
    domain: Domain,
    states: Mapping[str, bool],
    broken: Set[str],
    found: list[Finding],
    now: datetime,
) -> None:
    """The owners, of what broke just now and of what was taken back (D5)."""
    for state in STATES:
        if state in broken:
            desk.tell(tx, domain.project, notices.record_broke(domain, state, found), now)
        elif getattr(domain, state) and not states[state]:
            desk.tell(tx, domain.project, notices.state_fell(domain, state, found), now)


def _facts(office: Office, resolver: Resolver, domain: Domain) -> Facts:
    with office.read() as connection:
        keys = [
            (kept.key.selector, kept.key.record)
            for kept in dkim.of_domain(connection, domain.id)
            if kept.state is dkim.KeyState.ACTIVE
        ]
    asked = domain_verdict.questions(domain.name, [selector for selector, _ in keys])
    zone = zone_survey.survey(resolver, office.settings.dns.servers, domain.name, asked)
    unasked = Said(known=False)
    spf = next(filter(first_word_is_spf, zone.get((domain.name, "TXT"), unasked).values), "")
    targets = [value.split()[-1].rstrip(".") for value in zone.get((domain.name, "MX"), unasked).values]
    names = zone_survey.names_behind(resolver, domain.name, spf, targets) if spf or targets else Names()
    return Facts(domain.name, office.hostname, domain.ownership_token, keys, office.sending_addresses, zone, names)


def _beside(office: Office, facts: Facts) -> list[Finding]:
    """What no state follows from; each name is asked for at most a second or two."""
    names = [f"mta-sts.{facts.domain}", facts.hostname]
    fresh = Resolver(office.settings.dns.servers, _PATIENCE)  # which remembers nothing of before the mend
    hosts = dict(zip(names, asyncio.run(_addresses(fresh, names)), strict=True))
    return beside_verdict.findings(facts, hosts, asyncio.run(_sources(office, fresh)))


async def _addresses(resolver: Resolver, names: list[str]) -> list[tuple[str, ...]]:
    return [(await resolver.addresses_of(name)).addresses for name in names]


async def _sources(office: Office, resolver: Resolver) -> list[SourceNames]:
    return [
        SourceNames(
            one.address, one.ehlo.rstrip(".").lower(), await resolver.names_of(one.address),
            (await resolver.addresses_of(one.ehlo)).addresses,
        )
        for one in office.settings.outbound.sources
        if not ip_address(one.address).is_loopback
    ]  # fmt: skip


def _domain(connection: Any, project: int, name: str) -> Domain:
    domain = domains.get(connection, project, name.lower())
    if domain is None:
        raise NotFoundError(f"this project has no domain {name[:80]!r}")
    return domain
